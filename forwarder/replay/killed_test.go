package replay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A process that replays is killed again and again: each batch is in Kafka once, and
// in the order of the files. What is no batch is noted once.
func TestRun_killed(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 5
	}
	k := forwardertest.NewKafka(t)
	l := newLives(t, k.Settings(), writeArchive(t, 6))
	for l.killed < kills && l.kill(t, 300*time.Millisecond) {
	}
	l.end(t)
	t.Log(l)
	assert.Greater(t, l.killed, kills/4, "on a slow machine a process gets further before it is killed")
	assert.Positive(t, l.waited, "no kill left anything to be sent")
	assert.Equal(t, compared{}, l.archive.compare(k.Messages(t, "events")))
	assert.Equal(t, l.archive.bad, l.archive.badThere(t))
}

// A process that does not store positions with the batches is noticed: what it stores
// after a kill is there twice, or something is missing.
func TestRun_killed_noticesOtherPositions(t *testing.T) {
	for way, wrong := range map[string]func(compared) int{
		nowhere:       func(c compared) int { return c.Twice },
		behindBatches: func(c compared) int { return c.Twice },
		beforeBatches: func(c compared) int { return c.Lost },
	} {
		t.Run(way, func(t *testing.T) {
			k := forwardertest.NewKafka(t)
			l := newLives(t, k.Settings(), writeArchive(t, 2))
			l.env = append(l.env, childPositions+"="+way)
			once := l.env
			if way != nowhere {
				l.env = append(l.env, childHangs+"=1")
			}
			l.killStoring(t)
			l.env = once
			l.end(t)
			c := l.archive.compare(k.Messages(t, "events"))
			assert.Positive(t, wrong(c), "%+v", c)
		})
	}
}

// The comparison finds each thing that can be wrong.
func TestCompare_finds(t *testing.T) {
	a := &writtenArchive{batches: 3}
	m := func(n int) forwardertest.Message {
		return forwardertest.Message{Key: fmt.Append(nil, n%usersThere+1), Value: fmt.Appendf(nil, `{"mpid":1,"n":%d}`, n)}
	}
	for name, c := range map[string]struct {
		messages []forwardertest.Message
		want     compared
	}{
		"nothing":      {[]forwardertest.Message{m(0), m(1), m(2)}, compared{}},
		"lost":         {[]forwardertest.Message{m(0), m(2)}, compared{Lost: 1}},
		"twice":        {[]forwardertest.Message{m(0), m(1), m(0), m(2)}, compared{Twice: 1}},
		"out of order": {[]forwardertest.Message{m(0), m(2), m(1)}, compared{Disorder: 1}},
		"strange":      {[]forwardertest.Message{m(0), m(1), m(2), m(3), {Value: m(1).Value}, {}}, compared{Strange: 3}},
	} {
		assert.Equal(t, c.want, a.compare(c.messages), name)
	}
}

// lives are those of a process that replays an archive and is killed again and again.
type lives struct {
	archive *writtenArchive
	env     []string
	r       *rand.Rand
	killed  int // processes
	waited  int // messages that were on the disk at starts, added up
}

func newLives(t *testing.T, s settings.Settings, a *writtenArchive) *lives {
	t.Helper()
	seed := rand.Uint64()
	t.Log("seed", seed)
	return &lives{
		archive: a, r: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // no secret
		env: append(os.Environ(), childArchive+"="+a.path,
			"EVENTFERRY_BOOTSTRAP_SERVERS="+s.BootstrapServers,
			"EVENTFERRY_TOPIC_NAME="+s.TopicName,
			"EVENTFERRY_AUTHENTICATION_METHOD="+string(s.AuthenticationMethod),
			"EVENTFERRY_USER_NAME="+s.UserName,
			"EVENTFERRY_PASSWORD="+s.Password.Reveal(),
			"EVENTFERRY_TLS_CA_FILE="+s.TLS.CAFile,
			"EVENTFERRY_SPOOL_DIR="+t.TempDir(),
			"EVENTFERRY_SPOOL_MAX_BYTES="+strconv.Itoa(8<<20)), // so that it waits for Kafka
	}
}

// String says what happened.
func (l *lives) String() string {
	return fmt.Sprintf("%d processes killed over %d batches; %d messages waited at starts", l.killed, l.archive.batches, l.waited)
}

// A life is one process.
type life struct {
	cmd    *exec.Cmd
	log    bytes.Buffer
	stores chan struct{} // closed when it has stored something
	ended  chan error    // gets its end
	waited int           // read after ended
}

func (l *lives) start(t *testing.T) *life {
	t.Helper()
	p := &life{stores: make(chan struct{}), ended: make(chan error, 1)}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	p.cmd.Env, p.cmd.Stderr = l.env, &p.log
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		p.listen(out)
		p.ended <- p.cmd.Wait()
	}()
	return p
}

func (p *life) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == childStored {
			close(p.stores)
			continue
		}
		_, _ = fmt.Sscanf(lines.Text(), childWaited+" %d", &p.waited)
	}
}

// kill lets a process live until a while after it has stored something, or before, and
// kills it. It reports whether it was alive.
func (l *lives) kill(t *testing.T, longest time.Duration) bool {
	t.Helper()
	p := l.start(t)
	if l.r.IntN(3) > 0 {
		select {
		case <-p.stores:
		case err := <-p.ended:
			p.ended <- err
		}
	}
	<-time.After(time.Duration(l.r.Int64N(int64(longest))))
	return l.sigkill(t, p)
}

// killStoring kills a process as soon as it has stored something.
func (l *lives) killStoring(t *testing.T) {
	t.Helper()
	p := l.start(t)
	select {
	case <-p.stores:
	case err := <-p.ended:
		require.Fail(t, "the process has ended", "%v: %s", err, &p.log)
	}
	require.True(t, l.sigkill(t, p))
}

func (l *lives) sigkill(t *testing.T, p *life) bool {
	t.Helper()
	_ = p.cmd.Process.Kill() // it may have ended
	err := <-p.ended
	l.waited += p.waited
	if err == nil {
		return false
	}
	require.ErrorContains(t, err, "signal: killed", "%s", &p.log)
	l.killed++
	return true
}

// end lets a process replay what is left.
func (l *lives) end(t *testing.T) {
	t.Helper()
	p := l.start(t)
	require.NoError(t, <-p.ended, "%s", &p.log)
	l.waited += p.waited
}
