package engine

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

const (
	modelSeed  = "EVENTFERRY_MODEL_SEED"  // the only schedule to run, shown in full
	modelFirst = "EVENTFERRY_MODEL_FIRST" // the first schedule to run
	modelCount = "EVENTFERRY_MODEL_COUNT" // how many to run
)

// startModel makes the engine itself.
func startModel(s modelSetup) producer.Producer {
	cfg := sarama.NewConfig()
	cfg.Producer.MaxMessageBytes = s.most
	cfg.Producer.Flush.Frequency = s.linger
	c := Config{Servers: s.servers, Topic: simTopic, Hash: s.hash, Sarama: cfg, FirstSequence: s.first, MaxConnectionAge: s.age}
	c.Journal, c.Recovered, c.RefuseDoubtful = s.journal, s.recovered, s.refuseDoubtful
	c.Clock, c.LastTimestamp = s.clock, s.lastTimestamp
	l := newSendLimits(c)
	l.minPipelined, l.innocent = min(l.minPipelined, s.most), 0 // so that they matter to messages as small as these
	if s.onWire > 0 {
		l.recordBatch = min(l.recordBatch, s.onWire)
		l.request, l.fitting, l.onWire, l.telling = 3*s.onWire, s.onWire, s.onWire, 1
	}
	return startEngine(c, l, s.network, randomSource(s.seed))
}

// The engine keeps its promises in whatever order things happen, and whatever
// goes wrong.
func TestModel(t *testing.T) {
	first, count := uint64(envNumber(t, modelFirst, 1)), envNumber(t, modelCount, modelSchedules)
	if testing.Short() {
		count = min(count, 200)
	}
	if seed := os.Getenv(modelSeed); seed != "" {
		r := inBubble(t, uint64(envNumber(t, modelSeed, 0)), startModel)
		t.Logf("schedule %s:\n%s\n%s", seed, strings.Join(r.trace, "\n"), violations(r))
		assert.Empty(t, r.found)
		return
	}
	chunks := 4 * runtime.GOMAXPROCS(0)
	for c := range chunks {
		t.Run(strconv.Itoa(c), func(t *testing.T) {
			t.Parallel()
			for i := c; i < count && !t.Failed(); i += chunks {
				seed := first + uint64(i)
				r := inBubble(t, seed, startModel)
				report(t, seed, r)
			}
		})
	}
}

// A schedule that fails can be looked at: it is the same each time.
func TestModel_repeats(t *testing.T) {
	t.Parallel()
	for seed := range uint64(envNumber(t, modelCount, modelSample)) {
		one, two := inBubble(t, seed, startModel), inBubble(t, seed, startModel)
		if one.hash() == two.hash() {
			continue
		}
		for i := range min(len(one.trace), len(two.trace)) {
			from := max(0, i-10)
			require.Equal(t, one.trace[from:i+1], two.trace[from:i+1], "schedule %d, step %d", seed, i)
		}
		require.Len(t, two.trace, len(one.trace), "schedule %d", seed)
	}
}

// Schedules in which nothing happens would prove nothing.
func TestModel_happens(t *testing.T) {
	if testing.Short() || modelSchedules < 5000 {
		t.Skip("takes more schedules than run with -short or with the race detector")
	}
	t.Parallel()
	happens := map[string]*regexp.Regexp{
		"a late copy is written first":     regexp.MustCompile(`read late: .*\[at \d+\]`),
		"a late copy is written already":   regexp.MustCompile(`read late: .*already`),
		"a late copy is out of order":      regexp.MustCompile(`read late: .*\[45\]`),
		"it is found written already":      regexp.MustCompile(`is read: .*already`),
		"it is out of order":               regexp.MustCompile(`is read: .*\[45\]`),
		"it is found in the log":           regexp.MustCompile(`look#\d+: call 1 is answered {found:true`),
		"the log may not be read":          regexp.MustCompile(`look#\d+: call 1 is answered.*not authorized`),
		"the leader changes after writing": regexp.MustCompile(`is safe: .*\[6\]`),
		"what was written is lost":         regexp.MustCompile(`has lost [1-9]`),
		"numbers begin again":              regexp.MustCompile(`/214748\d+\+\d+ is read: .*\[at`),
		"a new epoch":                      regexp.MustCompile(`/[1-9]\d*/0\+\d+ is read: .*\[at`),
		"one of two is too large":          regexp.MustCompile(`p\d .* p\d .*is read: .*\[10\]`),
		"one is refused":                   regexp.MustCompile(`is read: .*\[87\]`),
		"too few replicas after writing":   regexp.MustCompile(`is safe: .*\[20\]`),
		"a write blocks":                   regexp.MustCompile(`can be written`),
		"a proxy":                          regexp.MustCompile(`EOF`),
		"some were given back":             regexp.MustCompile(`withdraw \d+: from 1 of [2-9]`),
	}
	outcomes := map[producer.Outcome]int{}
	counts := map[string]int{}
	for seed := range uint64(400) {
		r := inBubble(t, seed, startModel)
		for o, n := range r.outcomes {
			outcomes[o] += n
		}
		for _, line := range r.trace {
			for what, pattern := range happens {
				if pattern.MatchString(line) {
					counts[what]++
				}
			}
		}
	}
	t.Log(counts, outcomes)
	for what := range happens {
		assert.NotZero(t, counts[what], what)
	}
	assert.Len(t, outcomes, 3)
}

// inBubble runs a schedule with its own time.
func inBubble(t *testing.T, seed uint64, subject modelSubject) (r *modelResult) {
	t.Helper()
	watch := time.AfterFunc(time.Minute, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("schedule %d does not come to rest", seed))
	})
	defer watch.Stop()
	defer func() {
		if v := recover(); v != nil {
			t.Fatalf("schedule %d: %v\n%s", seed, v, replay(t, seed))
		}
	}()
	synctest.Test(t, func(*testing.T) { r = runModel(seed, subject) })
	return r
}

// report fails t with the end of a schedule that broke something.
func report(t *testing.T, seed uint64, r *modelResult) {
	t.Helper()
	if len(r.found) == 0 {
		return
	}
	const last = 60
	trace := r.trace[max(0, len(r.trace)-last):]
	t.Errorf("schedule %d:\n...\n%s\n%s\n%s", seed, strings.Join(trace, "\n"), violations(r), replay(t, seed))
}

func violations(r *modelResult) string {
	var text strings.Builder
	for _, v := range r.found {
		fmt.Fprintf(&text, "BROKEN %s: %s\n", v.invariant, v.text)
	}
	return text.String()
}

func replay(t *testing.T, seed uint64) string {
	t.Helper()
	return fmt.Sprintf("the same again, in full: %s=%d go test -v -run TestModel ./forwarder/internal/engine", modelSeed, seed)
}

func envNumber(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}
