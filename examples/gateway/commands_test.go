package main

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// The folder of a gateway that was killed is emptied, from another one's configuration.
func TestDrain(t *testing.T) {
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	gone, other := configure(t, k, nil), configure(t, k, nil)
	p, doors, _ := gone.serve(t)
	for n := range 20 {
		status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1+n%3, n, n), hookSecret)
		require.Equal(t, http.StatusOK, status, text)
	}
	out, err := command(t, other.env, "", "drain", "-config", other.file, gone.spool)
	assert.Error(t, err)
	assert.Contains(t, out, "another process", "the gateway still runs")
	p.kill(t)

	d := start(t, t.TempDir(), other.env, "drain", "-config", other.file, gone.spool)
	d.find(t, "not started yet: waiting for Kafka")
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	assert.Error(t, d.wait(t), "Kafka is away")
	assert.Contains(t, d.out.String(), "left to send 20, refused 0, damaged 0")

	down.Stop()
	for range 2 { // the second finds nothing
		out, err = command(t, other.env, "", "drain", "-config", other.file, gone.spool)
		require.NoError(t, err, out)
		assert.Contains(t, out, "left to send 0, refused 0, damaged 0")
	}
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 20)
	forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
	assert.NoDirExists(t, other.spool)
}

// A folder that a broker has refused a message of is not to be thrown away.
func TestDrain_refused(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	refused := k.Fail(forwardertest.Produce, 10, forwardertest.UntilStopped) // MESSAGE_TOO_LARGE
	p, doors, _ := c.serve(t)
	status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1, 1, 1), hookSecret)
	require.Equal(t, http.StatusOK, status, text)
	p.end(t)
	refused.Stop()
	out, err := command(t, c.env, "", "drain", "-config", c.file, c.spool)
	assert.Error(t, err)
	assert.Contains(t, out, "left to send 0, refused 1, damaged 0")
	assert.Contains(t, out, "is not empty: keep it")
}

// A mistyped folder is not made.
func TestDrain_noSpool(t *testing.T) {
	c := configure(t, forwardertest.NewKafka(t), nil)
	none := filepath.Join(t.TempDir(), "none")
	out, err := command(t, c.env, "", "drain", "-config", c.file, none)
	assert.Error(t, err)
	assert.Contains(t, out, "there is no spool")
	assert.NoDirExists(t, none)
	out, err = command(t, c.env, "", "drain", "-config", c.file)
	assert.Error(t, err)
	assert.Contains(t, out, "drain does not take []")
}

// A folder that has lost its control file may hold batches, which are not left behind.
func TestDrain_noControlFile(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	p, doors, _ := c.serve(t)
	down := k.Unreachable()
	for n := range 5 {
		status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1, n, n), hookSecret)
		require.Equal(t, http.StatusOK, status, text)
	}
	p.kill(t)
	require.NoError(t, os.Remove(filepath.Join(c.spool, "control")))
	down.Stop()
	out, _ := command(t, c.env, "", "drain", "-config", c.file, c.spool) // it may tell of the damage, and fail
	assert.Contains(t, out, "left to send 0, refused 0")
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 5, out)
	forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
}

// A replay needs a name for its folder, and something to bring.
func TestReplay_refuses(t *testing.T) {
	c := configure(t, forwardertest.NewKafka(t), func(_, settings map[string]any) { delete(settings, "spool") })
	out, err := command(t, c.env, "", "replay", "-config", c.file, c.file)
	assert.Error(t, err)
	assert.Contains(t, out, "settings.spool.dir is missing")
	out, err = command(t, c.env, "", "replay", "-config", c.file)
	assert.Error(t, err)
	assert.Contains(t, out, "replay does not take []")
}

// Archives, as files and as folders, are replayed once while the gateway serves.
func TestReplay(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	p, doors, _ := c.serve(t)
	dir := t.TempDir()
	write := func(name string, from, to int) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		f, err := os.Create(path)
		require.NoError(t, err)
		z := gzip.NewWriter(f)
		for n := from; n < to; n++ {
			fmt.Fprintf(z, session+"\n", 1+n%3, n, n)
		}
		fmt.Fprintln(z, "oops")
		require.NoError(t, z.Close())
		require.NoError(t, f.Close())
		return path
	}
	file := write("one.gz", 0, 10)
	write("not-this", 90, 99)
	folder := filepath.Dir(write("more/b", 20, 30))
	write("more/a", 10, 20)
	for _, want := range []string{"one.gz: stored 10, bad 1\n", "one.gz: stored 0, bad 0\n"} {
		out, err := command(t, c.env, "", "replay", "-config", c.file, "-rate", "1e6", file, folder)
		require.NoError(t, err, out)
		assert.Contains(t, out, want)
		assert.Contains(t, out, "left to send 0, refused 0, damaged 0")
	}
	status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1, 30, 30), hookSecret)
	require.Equal(t, http.StatusOK, status, text)
	p.end(t)
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 31)
	forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
	bad, err := os.ReadFile(c.spool + "-replay-bad.ndjson")
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(bad), "oops"))
	out, err := command(t, c.env, "", "replay", "-config", c.file, filepath.Join(dir, "none"))
	assert.Error(t, err)
	assert.Contains(t, out, "none: no such file")
}

func TestExplain(t *testing.T) {
	c := configure(t, forwardertest.NewKafka(t), nil)
	file := filepath.Join(t.TempDir(), "batches")
	require.NoError(t, os.WriteFile(file, []byte(`{"mpid":5,"events":[{"event_type":"user_attribute_change"}]}`), 0o600))
	out, err := command(t, c.env, "", "explain", "-config", c.file, file)
	require.NoError(t, err, out)
	assert.Contains(t, out, "event 0, user_attribute_change: dropped by include_user_attribute_change_events")
	for text, want := range map[string]string{`{"mpid":1} {"mpid":2}`: "key 2", `{"mpid":1} {`: "key 1"} {
		out, err = command(t, c.env, text, "explain", "-config", c.file)
		assert.Equal(t, want == "key 2", err == nil, out)
		assert.Contains(t, out, want)
	}
	out, err = command(t, c.env, "", "explain", "-config", c.file, file+"-none")
	assert.Error(t, err, out)
}

func TestDoctor(t *testing.T) {
	k := forwardertest.NewKafka(t)
	c := configure(t, k, nil)
	out, err := command(t, c.env, "", "doctor", "-config", c.file)
	assert.Equal(t, doctor.ExitWarnings, exitCode(err), "one replica: %s", out)
	assert.Contains(t, out, "ok       authenticate")
	for want, change := range map[string]func(file, settings map[string]any){
		`unknown member "topics": there are admin, cert_file`: func(file, _ map[string]any) { file["topics"] = 1 },
		`has no topic "elsewhere"`:                            func(_, settings map[string]any) { settings["topic_name"] = "elsewhere" },
		`topic "b": a check has failed`: func(file, settings map[string]any) {
			delete(settings, "topic_name")
			file["routes"] = []any{map[string]any{"topic": "events", "environment": "production"}, map[string]any{"topic": "b"}}
		},
	} {
		c := configure(t, k, change)
		out, err := command(t, c.env, "", "doctor", "-config", c.file)
		assert.Equal(t, doctor.ExitFailed, exitCode(err), want)
		assert.Contains(t, out, want)
	}
}
