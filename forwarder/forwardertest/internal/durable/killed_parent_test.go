package durable

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// lives are those of a process that is killed again and again, on one folder.
type lives struct {
	settings settings.Settings
	dir      string
	r        *rand.Rand
	hashes   []settings.Partitioner // each process has one of them
	windows  []string               // and one of these lengths; empty: none
	routed   bool                   // its events go to two topics

	stored  map[batchID]bool // what the processes have reported
	refused map[eventID]bool
	first   int // number of each user's next batch

	Kills    int // of processes
	InDoubt  int // that left record batches of which it was not known whether they were written
	Resumed  int // those record batches
	Stranded int // messages that waited on the disk at starts, added up
}

func newLives(t *testing.T, s settings.Settings, seed uint64) *lives {
	t.Helper()
	t.Logf("seed %d", seed)
	return &lives{
		settings: s, dir: t.TempDir(), r: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // no secret
		hashes: []settings.Partitioner{settings.Murmur2}, windows: []string{""},
		stored: map[batchID]bool{}, refused: map[eventID]bool{},
	}
}

// seed is another one for each run, unless the environment has one.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("EVENTFERRY_DURABLE_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}

// kills is how many there are to be, unless the environment says another number.
func kills(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("EVENTFERRY_DURABLE_KILLS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// A life is one process.
type life struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	log    bytes.Buffer
	stores chan struct{} // closed when it has reported a batch
	ended  chan struct{} // closed when all that it has reported is noted
	err    error         // then: what is wrong with what it printed
	open   int
}

func (l *lives) start(t *testing.T, extra ...string) *life {
	t.Helper()
	p := &life{stores: make(chan struct{}), ended: make(chan struct{})}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	s := l.settings
	codecs := []settings.Compression{settings.NoCompression, settings.LZ4, settings.Zstd}
	p.cmd.Env = append(os.Environ(),
		"EVENTFERRY_BOOTSTRAP_SERVERS="+s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME="+s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD="+string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME="+s.UserName,
		"EVENTFERRY_PASSWORD="+s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE="+s.TLS.CAFile,
		"EVENTFERRY_DELIVERY_MAX_MESSAGE_BYTES="+strconv.Itoa(maxMessageBytes),
		"EVENTFERRY_DELIVERY_MAX_BUFFERED_BYTES="+strconv.Itoa(200_000<<l.r.IntN(6)),
		"EVENTFERRY_DELIVERY_COMPRESSION="+string(codecs[l.r.IntN(len(codecs))]),
		"EVENTFERRY_DELIVERY_PARTITIONER="+string(l.hashes[l.r.IntN(len(l.hashes))]),
		childWindow+"="+l.windows[l.r.IntN(len(l.windows))],
		childDir+"="+l.dir, childFirst+"="+strconv.Itoa(l.first),
	)
	if l.routed {
		p.cmd.Env = append(p.cmd.Env, childRouted+"=1")
	}
	p.cmd.Env = append(p.cmd.Env, extra...)
	p.cmd.Stderr = &p.log
	var err error
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	l.first += 1_000_000
	go func() {
		defer close(p.ended)
		p.err = l.listen(p, out)
	}()
	return p
}

// listen notes what a process prints.
func (l *lives) listen(p *life, out io.Reader) error {
	lines := bufio.NewScanner(out)
	for reported := false; lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		var a, b, c int
		n, _ := fmt.Sscan(rest, &a, &b, &c)
		switch {
		case what == "open" && n == 2:
			p.open = a
			l.Stranded += b
		case what == "stored" && n == 2:
			l.stored[batchID{a, b}] = true
			if !reported {
				reported = true
				close(p.stores)
			}
		case what == "refused" && n == 3:
			l.refused[eventID{batchID{a, b}, c}] = true
		default:
			return fmt.Errorf("the process printed %q", lines.Text())
		}
	}
	return lines.Err()
}

// end waits until it has ended.
func (l *lives) end(t *testing.T, p *life) error {
	t.Helper()
	<-p.ended
	require.NoError(t, p.err)
	if p.open > 0 {
		l.InDoubt++
		l.Resumed += p.open
	}
	return p.cmd.Wait()
}

// kill lets a process live for a while, and kills it. Every third one may die
// before it stores.
func (l *lives) kill(t *testing.T, atLeast, atMost time.Duration) {
	t.Helper()
	p := l.start(t)
	if l.r.IntN(3) > 0 {
		p.waitForStore(patience) // the disk may be full for as long as Kafka is away
	}
	<-time.After(atLeast + time.Duration(l.r.Int64N(int64(atMost-atLeast))))
	l.sigkill(t, p)
}

func (l *lives) sigkill(t *testing.T, p *life) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill(), "%s", &p.log)
	require.ErrorContains(t, l.end(t, p), "signal: killed", "%s", &p.log)
	l.Kills++
}

// drain runs a process until all is in Kafka, or refused.
func (l *lives) drain(t *testing.T, extra ...string) {
	t.Helper()
	p := l.start(t, extra...)
	p.waitForStore(patience)
	require.NoError(t, p.in.Close())
	require.NoError(t, l.end(t, p), "%s", &p.log)
}

// waitForStore waits until the process has stored something, has ended, or a time
// has passed.
func (p *life) waitForStore(atMost time.Duration) {
	select {
	case <-p.stores:
	case <-p.ended:
	case <-time.After(atMost):
	}
}

// String says what happened.
func (l *lives) String() string {
	return fmt.Sprintf("%d kills, %d of them with record batches under way (%d in all); %d messages waited at starts; %d events refused",
		l.Kills, l.InDoubt, l.Resumed, l.Stranded, len(l.refused))
}
