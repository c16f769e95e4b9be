package judge

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// Errors of the producer are counted, save those of batches that may fail.
func TestRun_checkFailed(t *testing.T) {
	params := load.Params{Seed: 5, Users: 1, Stress: true}
	var split uint32
	for params.Shape(split) != load.Split {
		split++
	}
	h, err := newHistory(params, filepath.Join(t.TempDir(), "history"))
	require.NoError(t, err)
	defer h.close() //nolint:errcheck // nothing is written
	for n, id := range []uint32{split, split + 1, split + 2} {
		n, cause := uint32(n+1), "producer" //nolint:gosec // small
		if id == split+2 {
			cause = "deadline"
		}
		require.NoError(t, h.add(&trace.Record{Kind: trace.Invoke, N: n, ID: id}, false))
		require.NoError(t, h.add(&trace.Record{Kind: trace.Return, N: n, Cause: cause}, false))
	}
	r := &run{history: h, checker: newChecker(h, 1), config: load.Config{Params: params}, injector: newInjector(nil)}
	r.checkGaveUp()
	assert.Equal(t, map[string]int{GaveUp: 2}, r.checker.counts)

	r.checker = newChecker(h, 1)
	r.excused = func(s load.Shape) bool { return s == load.Split }
	r.checkGaveUp()
	assert.Equal(t, map[string]int{GaveUp: 1}, r.checker.counts)

	r.checker, r.excused = newChecker(h, 1), nil
	r.injector.remember(effect{doubt: true}, span{r.began.Add(-time.Hour), r.began.Add(time.Hour)})
	r.checkGaveUp()
	assert.Equal(t, map[string]int{GaveUp: 2}, r.checker.counts, "their outcomes are known")
	r.checker = newChecker(h, 1)
	r.injector.remember(effect{refuses: true}, span{r.began.Add(-time.Hour), r.began.Add(time.Hour)})
	r.checkGaveUp()
	assert.Empty(t, r.checker.counts)
}
