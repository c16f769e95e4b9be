package judge

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// A short form behind the webhook on a spool, with the controls, and with a kill between
// batches and their answers. The form with kills by chance is that of cmd/judge.
func TestRun_webhookOnSpool(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	o, err := Defaults(LevelEmbedded)
	require.NoError(t, err)
	o = o.WithSpool().Behind(WebhookDoor)
	o.Seed = 11
	var said strings.Builder
	require.NoError(t, controls(t.Context(), o, &said), "%s", &said)
	assert.Equal(t, 3, strings.Count(said.String(), ": caught "))

	list := situations()
	for _, s := range []situation{list[0], list[len(list)-1]} { // partitions added, full disk
		require.NoError(t, s.run(t.Context(), embeddedWorld(), o, &said), "%s", &said)
	}
	t.Log("\n" + said.String())
	assert.Equal(t, 2, strings.Count(said.String(), "lost 0, twice 0, out of order 0"))
	assert.Regexp(t, "[1-9][0-9]* of them recognised", said.String())
}

// What was posted without an answer is posted again by the next life, and counts as
// recognised if that life has not stored it.
func TestHistory_unanswered(t *testing.T) {
	h, err := newHistory(load.Params{Seed: 5, Users: 2}, filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	defer h.close() //nolint:errcheck // nothing is written
	h.spool = newSpoolHistory()
	stored := []trace.Message{{Outcome: trace.Stored, Partition: -1, Offset: -1}}
	add := func(r trace.Record) { require.NoError(t, h.add(&r, false)) }
	for n, owner := range []int{0, 1, 1} {
		add(trace.Record{Kind: trace.Invoke, Owner: owner, N: uint32(1 + n/2), ID: uint32(10 + n)}) //nolint:gosec // small
	}
	add(trace.Record{Kind: trace.Return, Owner: 1, N: 1, Messages: stored, SpoolID: 1})
	want := []load.Batch{{Owner: 0, N: 1, ID: 10}, {Owner: 1, N: 2, ID: 12}}
	assert.Equal(t, want, h.unanswered())
	assert.Zero(t, h.spool.again)

	h.begin()
	assert.Equal(t, want, h.unanswered())
	add(trace.Record{Kind: trace.Return, Owner: 0, N: 1, Messages: stored})
	add(trace.Record{Kind: trace.Return, Owner: 1, N: 2, Messages: stored, SpoolID: 2})
	assert.Empty(t, h.unanswered())
	assert.Equal(t, again{answered: 2, recognised: 1}, h.spool.again)
}

// A run in which no kill came between a batch and its answer proves nothing, and one
// whose posts stay without an answer has failed.
func TestRun_checkDoorOnSpool(t *testing.T) {
	h, err := newHistory(load.Params{Seed: 5, Users: 1}, filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	defer h.close() //nolint:errcheck // nothing is written
	h.spool = newSpoolHistory()
	r := &run{history: h, checker: newChecker(h, 1), testbed: &testbed{spool: true}, config: load.Config{Candidate: load.Candidate{Door: WebhookDoor}}}
	var missing []string
	need := func(what string, n, least int) {
		if n < least {
			missing = append(missing, what)
		}
	}
	r.checkDoorOnSpool(need)
	assert.Len(t, missing, 2)
	assert.Empty(t, r.checker.counts)

	h.spool.again, missing = again{answered: 2, recognised: 1}, nil
	require.NoError(t, h.add(&trace.Record{Kind: trace.Invoke, N: 1, ID: 1}, false))
	r.checkDoorOnSpool(need)
	assert.Empty(t, missing)
	assert.Equal(t, map[string]int{NoProgress: 1}, r.checker.counts)
}
