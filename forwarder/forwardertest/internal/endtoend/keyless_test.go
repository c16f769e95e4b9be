package endtoend

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

const keylessPartitions = 12

// spread: batches without a user go to random partitions, each whole.
//
// They stay together until something is sent, as in KIP-480: the choice is that
// of what is sent together, and it is those that are counted. One by one, each
// is sent alone. The stock producer chooses for each batch.
func (k target) spread(t *testing.T) {
	t.Run("one by one", func(t *testing.T) {
		s := k.settings(t, keylessPartitions)
		s.SendAsBatch = settings.Off
		f := start(t, s)
		ctx := within(t, time.Minute)
		texts := nobodys(2400)
		for _, text := range texts {
			require.NoError(t, f.Forward(ctx, parse(t, text)))
		}
		assertIndependent(t, partitionsOf(t, s, len(texts)))
	})
	t.Run("in a burst", func(t *testing.T) {
		s := k.settings(t, keylessPartitions)
		s.SendAsBatch = settings.Off
		texts := nobodys(2400)
		forward(t, start(t, s), texts...)
		chosen := partitionsOf(t, s, len(texts))
		moves := 0
		for n := range chosen[1:] {
			if chosen[n+1] != chosen[n] {
				moves++
			}
		}
		t.Logf("%d batches, which moved on %d times", len(chosen), moves)
		assert.Less(t, moves, len(chosen)/20, "chosen one by one they would move on nearly each time")
		assert.Greater(t, moves, 2, "a megabyte is too much for one partition")
	})
	t.Run("Sarama's producer", func(t *testing.T) {
		s := k.settings(t, keylessPartitions)
		s.SendAsBatch = settings.Off
		texts := nobodys(2400)
		forward(t, start(t, s, forwarder.WithSaramaProducer()), texts...)
		assertIndependent(t, partitionsOf(t, s, len(texts)))
	})
}

// nobodys are batches of two events each, without a user in every way there is.
func nobodys(n int) []string {
	none := []string{``, `"mpid":null,`, `"mpid":"",`, `"mpid":0,`, `"mpid":"0",`}
	texts := make([]string, n)
	for n := range texts {
		texts[n] = fmt.Sprintf(`{%s"n":%d,"events":[{"event_type":"opt_out"},{"event_type":"uninstall"}]}`, none[n%len(none)], n)
	}
	return texts
}

// partitionsOf are those that so many batches of nobodys are in.
func partitionsOf(t *testing.T, s settings.Settings, batches int) []int32 {
	t.Helper()
	chosen := make([]int32, batches)
	seen := make([]int, batches)
	for _, m := range read(t, s) {
		require.Nil(t, m.Key)
		n, ok := parse(t, string(m.Value)).At("n").Int64()
		require.True(t, ok)
		if seen[n]++; seen[n] == 1 {
			chosen[n] = m.Partition
		}
		require.Equal(t, chosen[n], m.Partition, "a batch in two partitions")
	}
	for n := range seen {
		require.Equal(t, 2, seen[n])
	}
	return chosen
}

// assertIndependent: each partition as often as the others, and so after each
// partition: neither favourites, nor taking turns, nor staying. Pairs do not
// overlap, as chi-square wants counts that do not depend on one another.
func assertIndependent(t *testing.T, chosen []int32) {
	t.Helper()
	single, pairs := make([]float64, keylessPartitions), make([]float64, keylessPartitions*keylessPartitions)
	for n, p := range chosen {
		single[p]++
		if n%2 == 1 {
			pairs[chosen[n-1]*keylessPartitions+p]++
		}
	}
	assertUniform(t, single)
	assertUniform(t, pairs)
}

// assertUniform fails for one true case in a million: chi-square with many
// degrees of freedom, brought to a standard normal by Wilson and Hilferty.
func assertUniform(t *testing.T, counts []float64) {
	t.Helper()
	total, chi := 0.0, 0.0
	for _, n := range counts {
		total += n
	}
	expected := total / float64(len(counts))
	for _, n := range counts {
		chi += (n - expected) * (n - expected) / expected
	}
	k := float64(len(counts) - 1)
	z := (math.Cbrt(chi/k) - (1 - 2/(9*k))) / math.Sqrt(2/(9*k))
	t.Logf("chi-square %.1f with %.0f degrees of freedom: z = %.2f", chi, k, z)
	assert.Less(t, math.Abs(z), 4.9, "the counts are not those of independent choices: %v", counts)
}
