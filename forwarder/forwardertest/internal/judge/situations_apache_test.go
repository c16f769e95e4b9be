package judge

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// Brokers of Apache Kafka forget producer ids while no partition has a leader. A process
// that is told so holds what is in doubt, and one that takes brokers to keep them for a day
// writes it twice: that shows that they have forgotten.
func TestSituation_idsForgotten(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes, and -short is set")
	}
	machinelock.Lock(t)
	o, err := Defaults(LevelApache)
	require.NoError(t, err)
	o = o.WithSpool()
	o.Keep = t.TempDir()
	o.Seed = uint64(time.Now().UnixNano()) % 1e6
	main, c, err := apache(t.Context(), o.Producer, o.Version, o.LongestStop)
	require.NoError(t, err)
	t.Cleanup(main.close)
	c.forSpool(main)
	judged := func(s situation, topic string) (string, error) {
		var said strings.Builder
		err := s.run(t.Context(), c.world(t.Context(), main, topic), o, &said)
		t.Log("\n" + said.String())
		return said.String(), err
	}

	list := situations()
	i := slices.IndexFunc(list, func(s situation) bool { return s.heldFor == keptProperty })
	require.GreaterOrEqual(t, i, 0)
	said, err := judged(list[i], "told")
	require.NoError(t, err)
	assert.Contains(t, said, "lost 0, twice 0, out of order 0")
	assert.Regexp(t, "brokers have forgotten .* all [1-9]", said)
	assert.Regexp(t, "[1-6] record batches in doubt", said)

	untold := situation{name: "control: not told", partitions: []int32{6}, happen: func(ctx context.Context, r *run, w *world) error {
		return outage(ctx, r, w, keptByDefault)
	}}
	said, err = judged(untold, "untold")
	require.ErrorIs(t, err, ErrFailed)
	assert.Regexp(t, "brokers have forgotten .* all [1-9]", said)
	assert.Regexp(t, "lost 0, twice [1-9]", said)
	assert.NotContains(t, said, "record batches in doubt")
	kept, err := producerIDs{c.kafka}.areKept(t.Context(), keptByDefault)
	require.NoError(t, err)
	assert.True(t, kept, "brokers keep ids as before")
}
