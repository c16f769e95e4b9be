package watch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A refused message is logged, one line for each cause and half minute.
func TestWatcher_failed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		large, early := errors.New("too large"), errors.New("clock is off")
		for range 3 {
			w.Failed(1, large)
		}
		w.Failed(2, early)
		synctest.Wait()
		assert.Equal(t, 1, w.lines("too large"))
		assert.Equal(t, 1, w.lines("clock is off"))
		assert.Equal(t, 1, w.lines("level=WARN msg=\"message refused\" partition=2 refused_since_last=3"))
		<-time.After(30 * time.Second)
		w.Failed(1, large)
		synctest.Wait()
		assert.Equal(t, 2, w.lines("too large"))
		w.Close()
		w.Failed(1, errors.New("too late"))
		synctest.Wait()
		assert.Zero(t, w.lines("too late"))
	})
}

// Where refused messages are kept is told, if they are.
func TestWatcher_failedKept(t *testing.T) {
	for kept, want := range map[string]int{"in the spool /s": 1, "": 0} {
		w := newWatched(t)
		w.Kept = kept
		w.Failed(1, errors.New("too large"))
		w.Close()
		assert.Equal(t, want, w.lines(`cause="too large" kept="in the spool /s"`))
		assert.Equal(t, 1, w.lines("message refused"))
	}
}

// Close waits for the line that is being logged.
func TestWatcher_failedWhileClosing(t *testing.T) {
	w := newWatched(t)
	w.Failed(1, errors.New("too large"))
	w.Close()
	assert.Equal(t, 1, w.lines("too large"))
}
