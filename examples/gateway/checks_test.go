package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// newSoundKafka returns a Kafka in which the doctor finds no mistake.
func newSoundKafka(t *testing.T) *forwardertest.Kafka {
	t.Helper()
	return forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithBrokerConfig("min.insync.replicas", "2"),
		forwardertest.WithTopic("events", 2), forwardertest.WithTopic("others", 2))
}

// exitCode is that of a command.
func exitCode(err error) int {
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return exited.ExitCode()
	}
	return 0
}

// What keeps the gateway from starting is told by the doctor as well, in the same words.
func TestDoctor_tellsWhatServeRefuses(t *testing.T) {
	k := newSoundKafka(t)
	sound := configure(t, k, nil)
	out, err := command(t, sound.env, "", "doctor", "-config", sound.file)
	require.NoError(t, err, out)
	assert.Zero(t, strings.Count(out, "-> "), "nothing is to be done: %s", out)
	assert.Contains(t, out, `each has a secret: ["hook" "shop"]`)

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	free, err := serving.FreeAddress(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	noFolder := filepath.Join(sound.file, "spool") // below a file
	if runtime.GOOS == "linux" {
		noFolder = "/proc/eventferry/spool"
	}
	for _, c := range []struct {
		name   string
		change func(file, settings map[string]any)
		status int
		report string // of the doctor
		serve  string // why it does not start
	}{
		{
			"no secret", func(file, _ map[string]any) { file["feeds"] = []any{map[string]any{"name": "other"}} }, doctor.ExitFailed,
			`failed +feeds +0 \("other"\) +no secret\n +-> set the variable GATEWAY_SECRET_other, `, "set the variable GATEWAY_SECRET_other, or",
		},
		{
			"no certificate", func(file, _ map[string]any) {
				delete(file, "trusted_proxies")
				file["cert_file"], file["key_file"] = "/none.crt", "/none.key"
			}, doctor.ExitFailed,
			`failed +certificate .*open /none.crt: no such file`, "certificate cert_file, key_file: open /none.crt",
		},
		{
			"no spool", func(_, settings map[string]any) { delete(settings, "spool") }, doctor.ExitFailed,
			`failed +settings.spool.dir +missing`, "settings.spool.dir: missing: name a folder",
		},
		{
			"a spool that cannot be made", func(_, settings map[string]any) {
				settings["spool"] = map[string]any{"dir": noFolder, "max_bytes": 64 << 20}
			}, doctor.ExitFailed,
			`failed +spool +folder .*\n +-> let this user make, read and write the folder spool.dir`, noFolder,
		},
		{
			"no quarantine", func(file, _ map[string]any) { file["quarantine_dir"] = "/none" }, doctor.ExitFailed,
			`failed +quarantine_dir +/none: no such file or directory\n +-> make the folder`, "quarantine_dir: /none: no such file",
		},
		{
			"an address in use", func(file, _ map[string]any) { file["admin"] = l.Addr().String() }, doctor.ExitWarnings,
			`warning +address +admin .* address already in use\n +-> leave it if this service runs`, "address admin: listen tcp " + l.Addr().String(),
		},
		{
			"one address twice", func(file, _ map[string]any) { file["listen"], file["admin"] = free, free }, doctor.ExitFailed,
			`failed +address +admin +` + free + ` is also that of another member\n +-> give each an address of its own`, "address admin: " + free,
		},
		{
			"a topic beside routes", func(file, _ map[string]any) { file["routes"] = []any{map[string]any{"topic": "others"}} }, doctor.ExitFailed,
			`failed +routes +forwarder: topic_name must be empty`, "routes: forwarder: topic_name must be empty",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := configure(t, k, c.change)
			out, err := command(t, s.env, "", "doctor", "-config", s.file)
			assert.Equal(t, c.status, exitCode(err), out)
			assert.Regexp(t, c.report, out)
			out, err = command(t, s.env, "", "serve", "-config", s.file)
			assert.Equal(t, 1, exitCode(err), out)
			_, said, _ := strings.Cut(out, "\ngateway: ")
			assert.Contains(t, said, c.serve)
		})
	}
}

// A spool with messages for another topic is told, with the command that empties it, and is
// left as it is.
func TestDoctor_otherTopic(t *testing.T) {
	k := newSoundKafka(t)
	c := configure(t, k, nil)
	p, doors, _ := c.serve(t)
	down := k.Unreachable()
	status, text := call(t, http.DefaultClient, http.MethodPost, doors+"/webhook", fmt.Sprintf(session, 1, 1, 1), hookSecret)
	require.Equal(t, http.StatusOK, status, text)
	out, err := command(t, c.env, "", "doctor", "-config", c.file)
	assert.Equal(t, doctor.ExitFailed, exitCode(err), "Kafka is away: %s", out)
	assert.Contains(t, out, "the folder is in use", "by the gateway")
	p.kill(t)
	down.Stop()

	out, err = command(t, c.env, "", "doctor", "-config", c.file)
	assert.Contains(t, []int{doctor.ExitOK, doctor.ExitWarnings}, exitCode(err), "a sync may be slow: %s", out)
	assert.Regexp(t, `ok +spool +messages +1 to send, oldest since \S+, 0 refused: \d+ bytes in segments with messages, format 1\n`, out)

	other := configure(t, k, func(_, settings map[string]any) {
		settings["topic_name"], settings["spool"] = "others", map[string]any{"dir": c.spool, "max_bytes": 64 << 20}
	})
	for range 2 {
		out, err = command(t, other.env, "", "doctor", "-config", other.file)
		assert.Equal(t, doctor.ExitFailed, exitCode(err), out)
		assert.Regexp(t, `failed +spool +topics +.* 1 messages for topic "events".*\n +-> .*gateway drain -config OLD-FILE `+c.spool, out)
	}
	out, err = command(t, other.env, "", "serve", "-config", other.file)
	assert.Equal(t, 1, exitCode(err))
	assert.Regexp(t, `gateway: .*topic "events".*gateway drain -config OLD-FILE `+c.spool, out)
	out, err = command(t, c.env, "", "drain", "-config", c.file, c.spool)
	require.NoError(t, err, out)
	assert.Len(t, k.Messages(t, "events"), 1)
}

// What is asked about the program itself is no mistake.
func TestGateway_help(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"help"}, {"serve", "-h"}, {"doctor", "-h"}, {"refused", "-h"}} {
		out, err := command(t, nil, "", args...)
		require.NoError(t, err, args)
		assert.Contains(t, out, "-config", args)
	}
	for _, args := range [][]string{{"version"}, {"-version"}, {"--version"}} {
		out, err := command(t, nil, "", args...)
		require.NoError(t, err, args)
		assert.Regexp(t, `^gateway \S.*`+runtime.Version()+"\n$", out)
	}
	for command1, want := range map[string]int{"doctor": doctor.ExitFailed, "serve": 1, "refused": 1} {
		out, err := command(t, nil, "", command1, "-config", "/none")
		assert.Equal(t, want, exitCode(err), out)
	}
}
