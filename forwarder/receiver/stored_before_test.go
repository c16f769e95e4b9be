package receiver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A disk has what several processes have stored.
type disk struct {
	ids  map[string][][32]byte
	fail error
}

func (d *disk) store(_ context.Context, _ *batch.Batch, tags ...spool.Tag) error {
	if d.fail != nil {
		return d.fail
	}
	for _, tag := range tags {
		d.ids[tag.ID] = append(d.ids[tag.ID], tag.Digest)
	}
	return nil
}

func (d *disk) storeAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	for i, b := range bs {
		_ = d.store(ctx, b, tags[i])
	}
	return nil
}

func (d *disk) known(id string, digest [32]byte) (same, other bool) {
	for _, stored := range d.ids[id] {
		same, other = same || stored == digest, other || stored != digest
	}
	return same, other
}

// process is a new one with the disk.
func (d *disk) process(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.r.keeper.forward, b.r.keeper.forwardAll, b.r.keeper.known = d.store, d.storeAll, d.known
	return b
}

// What a process has stored is recognised by a later one, at both doors, one by one
// and in bulks; what it has not stored is not.
func TestRepetitions_afterARestart(t *testing.T) {
	d := &disk{ids: map[string][][32]byte{}}
	other := strings.Replace(sample, "1.50", "1.5", 1)
	const event = `{"source_request_id":"r-1","mpid":1,"events":[{"event_type":"a","data":{}}]}`
	first := d.process(t)
	d.fail = errors.New("the disk fails")
	says(t, first.hook(sample), http.StatusServiceUnavailable, codeUnavailable, "")
	d.fail = nil
	says(t, first.hook(sample), http.StatusOK, "", "")
	assert.Equal(t, Kept, first.lastInfo(t).Outcome)
	says(t, first.hook(`[{"message_id":"a"},{"message_id":"b"},{"mpid":1}]`), http.StatusOK, "", "")
	says(t, first.post(eventsPath, event), http.StatusAccepted, "", "")

	next := d.process(t)
	for _, c := range []struct {
		post    func(string) int
		body    string
		outcome Outcome
		sameID  bool
	}{
		{next.hookStatus, sample, Repeated, false},
		{next.hookStatus, other, Kept, true},
		{next.hookStatus, other, Repeated, false},
		{next.hookStatus, `{"message_id":"a"}`, Repeated, false},
		{next.hookStatus, `[{"message_id":"b"}]`, Repeated, false},
		{next.hookStatus, `{"message_id":"c"}`, Kept, false},
		{next.hookStatus, `{"mpid":1}`, Kept, false}, // it has no id
		{next.eventStatus, event, Repeated, false},
		{next.eventStatus, strings.Replace(event, "r-1", "r-2", 1), Kept, false},
	} {
		assert.Less(t, c.post(c.body), 300)
		assert.Equal(t, c.outcome, next.lastInfo(t).Outcome, c.body)
		assert.Equal(t, c.sameID, next.lastInfo(t).SameID, c.body)
	}
	assert.Len(t, d.ids[""], 2, "batches without an id have no tag")
}

func (b *bench) hookStatus(body string) int  { return b.hook(body).Code }
func (b *bench) eventStatus(body string) int { return b.post(eventsPath, body).Code }
