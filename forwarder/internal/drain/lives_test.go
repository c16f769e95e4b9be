package drain

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	livesSeed  = "EVENTFERRY_MODEL_SEED"  // the only run, shown in full
	livesFirst = "EVENTFERRY_MODEL_FIRST" // the first run
	livesCount = "EVENTFERRY_MODEL_COUNT" // how many there are

	livesTail = 250 // lines of the trace of a run that has found something
)

// For each topic, users' messages are in Kafka in order and once, and none is missing,
// however many processes it took, whatever stood still meanwhile, and whatever they were
// doing when they ended.
func TestLives(t *testing.T) {
	first, count := uint64(livesNumber(t, livesFirst, 1)), livesNumber(t, livesCount, 200) //nolint:gosec // not negative
	if testing.Short() {
		count = min(count, 40)
	}
	if os.Getenv(livesSeed) != "" {
		w := livesInBubble(t, uint64(livesNumber(t, livesSeed, 0)), livesDefect{}) //nolint:gosec // not negative
		w.user = ""
		t.Logf("%+v\n%s", w.mood, w.story(len(w.trace)))
		assert.Empty(t, w.found)
		return
	}
	var mu sync.Mutex
	happened := map[string]int{}
	t.Cleanup(func() {
		if t.Log(happened); count < 40 || t.Failed() {
			return
		}
		for _, what := range []string{
			"a lane is blocked", "a lane is read again", "is recovered", "is put back", "is written already", "the process is closed",
			"the process is killed", "the power is cut", "partitions are added",
			"added partitions become known while the drain reads", "a topic becomes known while the drain has gone back for others",
		} {
			assert.Positive(t, happened[what], "%s: it never happens", what)
		}
	})
	chunks := 4 * runtime.GOMAXPROCS(0)
	for c := range chunks {
		t.Run(strconv.Itoa(c), func(t *testing.T) {
			t.Parallel()
			for i := c; i < count && !t.Failed(); i += chunks {
				seed := first + uint64(i)
				w := livesInBubble(t, seed, livesDefect{})
				if w.found != "" {
					t.Errorf("run %d: %s\n%+v\n%s", seed, w.found, w.mood, w.story(livesTail))
				}
				mu.Lock()
				for what, n := range w.happened {
					happened[what] += n
				}
				mu.Unlock()
			}
		})
	}
}

// What is broken is found, and for its own reason.
func TestLives_controls(t *testing.T) {
	const runs = 200
	for name, c := range map[string]struct {
		defect  livesDefect
		reasons []string // the first words of what may be found
	}{
		"an entry is passed over once":       {livesDefect{passesOver: true}, []string{"order", "stuck"}},
		"what was not written goes behind":   {livesDefect{putsBehind: true}, []string{"order"}},
		"what may be written is forgotten":   {livesDefect{forgetsRecovered: true}, []string{"twice", "order"}},
		"what may be written is sent behind": {livesDefect{recoversLate: true}, []string{"order", "twice"}},
		"nothing is intended":                {livesDefect{intendsNothing: true}, []string{"twice"}},
		"more is loaded than the bound":      {livesDefect{boundless: true}, []string{"bound"}},
		"what becomes known skips":           {livesDefect{jumps: true}, []string{"order", "stuck"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(runs) {
				w := livesInBubble(t, seed, c.defect)
				if w.found == "" {
					continue
				}
				reason, _, _ := strings.Cut(w.found, ":")
				assert.Contains(t, c.reasons, reason, "%s\n%s", w.found, w.story(livesTail))
				if reason == c.reasons[0] || t.Failed() {
					t.Logf("found by run %d: %s", seed, w.found)
					return
				}
			}
			t.Errorf("not found in %d runs", runs)
		})
	}
}

// livesInBubble runs the lives of a seed.
func livesInBubble(t *testing.T, seed uint64, defect livesDefect) (w *livesWorld) {
	t.Helper()
	watch := time.AfterFunc(2*time.Minute, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("run %d does not come to rest", seed))
	})
	defer watch.Stop()
	synctest.Test(t, func(*testing.T) {
		w = newLivesWorld(seed, defect)
		for w.life < w.mood.lives && w.found == "" {
			w.live(w.life == w.mood.lives-1)
		}
	})
	return w
}

func livesNumber(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}
