package judge

import (
	"bytes"
	"errors"
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

// A run that could not go to its end has not passed, although nothing is wrong so far.
func TestRun_report(t *testing.T) {
	for name, tt := range map[string]struct {
		violated bool
		ended    error
		want     string
	}{
		"passed":       {false, nil, "seed 5: PASSED after"},
		"failed":       {true, nil, "seed 5: FAILED: lost"},
		"not finished": {false, errors.New("no broker"), "seed 5: NOT FINISHED after"},
		"both":         {true, errors.New("no broker"), "seed 5: FAILED: lost"},
	} {
		t.Run(name, func(t *testing.T) {
			params := load.Params{Seed: 5, Users: 1}
			h, err := newHistory(params, filepath.Join(t.TempDir(), "history"))
			require.NoError(t, err)
			defer h.close() //nolint:errcheck // nothing is written
			r := &run{history: h, checker: newChecker(h, 1), config: load.Config{Params: params}, injector: newInjector(nil)}
			if tt.violated {
				r.checker.add(Lost, attemptID{}, "one")
			}
			var said bytes.Buffer
			assert.Equal(t, name == "passed", r.report(&said, "test", tt.ended))
			assert.Contains(t, said.String(), tt.want)
			assert.Equal(t, name == "passed", bytes.Contains(said.Bytes(), []byte("PASSED")))
		})
	}
}
