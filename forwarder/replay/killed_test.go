package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// The variables of a process that replays and is killed; its settings are in those of
// package settings.
const (
	killedArchive   = "EVENTFERRY_TEST_REPLAY_ARCHIVE"
	killedForgetful = "EVENTFERRY_TEST_REPLAY_FORGETFUL" // it reads each file from its beginning
)

func TestMain(m *testing.M) {
	if archive := os.Getenv(killedArchive); archive != "" {
		if err := replayAndDrain(context.Background(), archive); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // this is main
		}
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")) // Sarama's
}

func replayAndDrain(ctx context.Context, archive string) (err error) {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	f, err := forwarder.New(ctx, s, forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	o := Options{Files: os.DirFS(archive), Bad: archive + ".bad", Rate: replayRate}.withDefaults()
	r := &replay{options: o, storeAll: f.StoreAll, position: f.Spool().Position, reading: 1}
	if os.Getenv(killedForgetful) != "" {
		r.position = func(string) (int64, bool) { return 0, false }
	}
	if _, err := r.run(ctx); err != nil {
		return err
	}
	return f.Shutdown(ctx)
}

const (
	archiveFiles = 6
	fileBatches  = 4000
	usersThere   = 20
	replayRate   = 2000 // so that most of it is left when a process is killed
)

// writeArchive writes batches of several users, numbered, into files of several
// formats.
func writeArchive(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "archive")
	n, filler := 0, strings.Repeat("x", 500)
	for file := range archiveFiles {
		var text bytes.Buffer
		for range fileBatches {
			_, _ = fmt.Fprintf(&text, `{"mpid":%d,"n":%d,"text":%q,"events":[{"event_type":"custom_event","data":{}}]}`+"\n", n%usersThere+1, n, filler)
			n++
		}
		if file == 2 {
			text.WriteString("nonsense\n")
		}
		data := text.Bytes()
		switch file % 3 {
		case 1:
			data = zipped(t, text.String())
		case 2:
			data = zstandard(t, text.String())
		}
		path := filepath.Join(dir, fmt.Sprintf("2026/01/%02d", file+1), "part")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	return dir
}

// A process that replays is killed again and again: each batch is in Kafka once, and
// in the order of the files.
func TestRun_killed(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 5
	}
	k := forwardertest.NewKafka(t)
	killed := replayKilled(t, k, kills)
	t.Logf("%d processes killed", killed)
	assert.Greater(t, killed, kills/4, "on a slow machine a process gets further before it is killed")
	lost, twice, disordered := verify(t, k)
	assert.Zero(t, lost, "lost")
	assert.Zero(t, twice, "twice")
	assert.Zero(t, disordered, "out of order")
}

// A process that reads each file from its beginning after each kill is noticed.
func TestRun_killed_noticesForgottenPositions(t *testing.T) {
	k := forwardertest.NewKafka(t)
	replayKilled(t, k, 2, killedForgetful+"=1")
	_, twice, _ := verify(t, k)
	assert.Positive(t, twice)
}

// replayKilled replays an archive with so many kills while it stores. It returns how
// many processes were killed before they had ended.
func replayKilled(t *testing.T, k *forwardertest.Kafka, kills int, extra ...string) (killed int) {
	t.Helper()
	archive, dir := writeArchive(t), t.TempDir()
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
	s := k.Settings()
	env := append(os.Environ(), killedArchive+"="+archive,
		"EVENTFERRY_BOOTSTRAP_SERVERS="+s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME="+s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD="+string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME="+s.UserName,
		"EVENTFERRY_PASSWORD="+s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE="+s.TLS.CAFile,
		"EVENTFERRY_SPOOL_DIR="+dir,
		"EVENTFERRY_SPOOL_MAX_BYTES="+strconv.Itoa(8<<20)) // so that it waits for Kafka
	env = append(env, extra...)
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
		cmd.Env, cmd.Stderr = env, t.Output()
		there := messageCount(t, k)
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if killed == kills {
			require.NoError(t, <-ended)
			break
		}
		// It is killed once something more is in Kafka, and a little later.
		require.Eventually(t, func() bool { return messageCount(t, k) > there || len(ended) > 0 }, 2*time.Minute, 20*time.Millisecond)
		<-time.After(time.Duration(r.IntN(30)) * time.Millisecond)
		_ = cmd.Process.Kill() // it may have ended
		if err := <-ended; err == nil {
			break
		}
		killed++
	}
	bad := badLines(t, archive+".bad")
	require.Len(t, bad, 1)
	assert.Equal(t, "nonsense", bad[0].Text)
	return killed
}

func messageCount(t *testing.T, k *forwardertest.Kafka) int {
	t.Helper()
	return len(k.Messages(t, "events"))
}

func verify(t *testing.T, k *forwardertest.Kafka) (lost, twice, disordered int) {
	t.Helper()
	seen, last := map[int]bool{}, map[int]int{}
	for _, m := range k.Messages(t, "events") {
		var b struct{ MPID, N int }
		require.NoError(t, json.Unmarshal(m.Value, &b))
		if seen[b.N] {
			twice++
			continue
		}
		seen[b.N] = true
		if b.N <= last[b.MPID] && last[b.MPID] > 0 {
			disordered++
		}
		last[b.MPID] = b.N
	}
	return archiveFiles*fileBatches - len(seen), twice, disordered
}
