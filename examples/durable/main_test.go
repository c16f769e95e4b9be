package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// childVariable makes this test's program the example itself.
const childVariable = "EVENTFERRY_TEST_DURABLE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// environment returns the variables that lead to a Kafka.
func environment(k *forwardertest.Kafka) []string {
	s := k.Settings()
	return []string{
		"EVENTFERRY_BOOTSTRAP_SERVERS=" + s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME=" + s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD=" + string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME=" + s.UserName,
		"EVENTFERRY_PASSWORD=" + s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE=" + s.TLS.CAFile,
	}
}

func TestDurable(t *testing.T) {
	k := forwardertest.NewKafka(t)
	for _, v := range environment(k) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("EVENTFERRY_INCLUDE_LOCATION", "false")
	sample, err := os.ReadFile("../quickstart/sample.ndjson")
	require.NoError(t, err)
	var out, log bytes.Buffer
	require.NoError(t, run(t.Context(), t.TempDir(), bytes.NewReader(sample), &out, slog.New(slog.NewTextHandler(&log, nil))))
	assert.Contains(t, log.String(), "EVENTFERRY_INCLUDE_LOCATION: do you mean EVENTFERRY_INCLUDE_LOCATION_INFORMATION?")
	n := bytes.Count(sample, []byte("\n"))
	assert.Equal(t, n, strings.Count(out.String(), "stored "))
	assert.NotEmpty(t, k.Messages(t, "events"))
}

// A process that is killed again and again, by SIGKILL, loses nothing that it has
// answered, writes nothing twice, and keeps the order of users, also when its
// connections are cut meanwhile.
func TestDurable_killed(t *testing.T) {
	kills := 40
	if testing.Short() {
		kills = 10
	}
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	var l lines
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) //nolint:gosec // not negative
	inSight := 0                                                 // kills with something under way
	for range kills {
		p := l.start(t, k, dir)
		p.waitFor(t, 1+r.IntN(300))
		if r.IntN(3) == 0 {
			k.CutConnections()
		}
		p.kill(t)
		if p.answered < p.given {
			inSight++
		}
		l.stop(p)
	}
	p := l.start(t, k, dir)
	p.end(t)
	l.stop(p)
	l.check(t, k.Messages(t, "events"), false)
	t.Logf("%d lines, %d answered, %d of %d kills with lines not answered", l.next, len(l.stored), inSight, kills)
	assert.Positive(t, inSight, "nothing was under way at any kill")
}

// Without the file that says what was sent, batches are in Kafka twice, and the
// check of the test above finds them.
func TestDurable_killedAndForgetful(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	var l lines
	for range 2 {
		p := l.start(t, k, dir)
		p.waitFor(t, 200)
		require.Eventually(t, func() bool { return k.Requests(forwardertest.Produce) > 0 }, time.Minute, time.Millisecond)
		p.kill(t)
		l.stop(p)
		require.NoError(t, os.Remove(filepath.Join(dir, "control")))
	}
	p := l.start(t, k, dir)
	p.end(t)
	l.stop(p)
	l.check(t, k.Messages(t, "events"), true)
}

// lines are what the processes were given, and have answered.
type lines struct {
	next   int          // the number of the next line, over all processes
	stored map[int]bool // by that number
}

const users = 7

// A process is one run of the example.
type process struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	log      bytes.Buffer
	first    int // number of its first line
	given    int
	answered int
	stored   []int
	fed      chan int // how many lines it was given, at the end
	quit     chan struct{}
}

func (l *lines) start(t *testing.T, k *forwardertest.Kafka, dir string) *process {
	t.Helper()
	p := &process{first: l.next, fed: make(chan int, 1), quit: make(chan struct{})}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], "-dir", dir) //nolint:gosec // this program
	p.cmd.Env = append(append(os.Environ(), childVariable+"=1"), environment(k)...)
	var err error
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewScanner(out)
	p.cmd.Stderr = &p.log
	require.NoError(t, p.cmd.Start())
	go p.feed()
	return p
}

// feed gives the process lines until it is killed or quit is closed.
func (p *process) feed() {
	defer p.in.Close()
	for n := 0; ; n++ {
		select {
		case <-p.quit:
			p.fed <- n
			return
		default:
		}
		id := p.first + n
		if _, err := fmt.Fprintf(p.in, `{"mpid":%d,"n":%d,"events":[{"event_type":"custom_event","data":{"event_name":%q}}]}`+"\n",
			1+id%users, id, strings.Repeat("x", 200)); err != nil {
			p.fed <- n + 1 // the last one may have arrived
			return
		}
	}
}

// waitFor waits until the process has answered n lines.
func (p *process) waitFor(t *testing.T, n int) {
	t.Helper()
	for p.answered < n {
		require.True(t, p.out.Scan(), "the process ended")
		p.note(t)
	}
}

func (p *process) note(t *testing.T) {
	t.Helper()
	number, ok := strings.CutPrefix(p.out.Text(), "stored ")
	require.True(t, ok, "%q", p.out.Text())
	line, err := strconv.Atoi(number)
	require.NoError(t, err)
	p.answered++
	p.stored = append(p.stored, p.first+line-1)
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	p.rest(t)
	_ = p.cmd.Wait() // it was killed
}

// end lets the process store what it was given, and drain.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.waitFor(t, 1)
	close(p.quit)
	p.rest(t)
	require.NoError(t, p.cmd.Wait(), "%s", &p.log)
	require.Equal(t, p.given, p.answered)
}

// rest reads the answers that are left.
func (p *process) rest(t *testing.T) {
	t.Helper()
	for p.out.Scan() {
		p.note(t)
	}
	p.given = <-p.fed
}

func (l *lines) stop(p *process) {
	if l.stored == nil {
		l.stored = map[int]bool{}
	}
	for _, n := range p.stored {
		l.stored[n] = true
	}
	l.next = p.first + p.given
}

// check checks that what was answered is there once, that nothing is there twice,
// and that each user's lines are in order. twice: some must be there twice.
func (l *lines) check(t *testing.T, messages []forwardertest.Message, twice bool) {
	t.Helper()
	count := map[int]int{}
	last := map[string]int{}
	duplicates := 0
	for _, m := range messages {
		var b struct{ N int }
		require.NoError(t, json.Unmarshal(m.Value, &b))
		count[b.N]++
		if count[b.N] > 1 {
			duplicates++
			continue
		}
		if !twice {
			assert.GreaterOrEqual(t, b.N, last[string(m.Key)], "user %s", m.Key)
		}
		last[string(m.Key)] = b.N
	}
	for n := range l.stored {
		assert.Positive(t, count[n], "line %d was answered and is lost", n)
	}
	assert.Equal(t, twice, duplicates > 0, "%d lines are there twice", duplicates)
}
