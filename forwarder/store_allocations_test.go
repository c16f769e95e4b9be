package forwarder

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// absent is a producer whose topic no broker has shown yet, so that nothing is sent.
type absent struct{ prompt }

func (absent) Partitions() int32      { return 0 }
func (absent) TopicID() [16]byte      { return [16]byte{} }
func (absent) MetadataFailure() error { return nil }

// onSpool returns a forwarder with these settings on a spool of its own.
func onSpool(t testing.TB, s settings.Settings, p producer.Producer) *Forwarder {
	s.TopicName = "events"
	s = s.WithDefaults()
	log := slog.New(slog.DiscardHandler)
	opened, err := spool.Open(t.Context(), t.TempDir(), spool.Options{MaxBytes: 64 << 20, Logger: log})
	require.NoError(t, err)
	o := options{logger: log, spool: opened}
	use, err := openSpool(t.Context(), s, o, []string{s.TopicName})
	require.NoError(t, err)
	f := newForwarder(s, o, p, fakeProbe{})
	f.useSpool(use, s)
	use.start([]drain.Topic{f.topics[0].drained(nil)}, hash(s, o), sendingHalf(s))
	t.Cleanup(func() {
		assert.NoError(t, f.Close())
		assert.NoError(t, opened.Close())
	})
	return f
}

// Store allocates three things beyond Forward: a storedBatch, and two that calls share
// when they are synced together, the group and the channel that tells of its end.
func TestStore_allocations(t *testing.T) {
	for _, events := range []int{1, 10} {
		b, err := batch.Parse(undropped(t, 1, events)[0])
		require.NoError(t, err)
		f := onSpool(t, settings.Settings{}, absent{})
		// What stays in memory until it is sent has a buffer of its own meanwhile. The drain and the
		// watcher look around as time goes by, and allocate for that.
		f.spool().drain.Close()
		f.topics[0].watch.Close()
		stored := 0
		run := func() {
			if f.Store(context.Background(), b) == nil {
				stored++
			}
		}
		assert.Equal(t, 2+3, int(testing.AllocsPerRun(200, run)), fmt.Sprintf("%d events", events))
		assert.Equal(t, 201, stored)
	}
}
