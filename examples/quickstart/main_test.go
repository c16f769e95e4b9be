package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// terminal stands for a standard input into which nothing is piped.
func terminal(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// pipe is a standard input with this text in it.
func pipe(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		_, _ = w.WriteString(text)
		_ = w.Close()
	}()
	return r
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "batches.ndjson")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func start(t *testing.T, stdin *os.File, args ...string) (lines []string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = run(t.Context(), args, stdin, &out)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), err
}

// own starts a cluster to stand for the user's and returns the flags for it.
func own(t *testing.T, opts ...forwardertest.KafkaOption) (*forwardertest.Kafka, []string) {
	t.Helper()
	k := forwardertest.NewKafka(t, opts...)
	s := k.Settings()
	t.Setenv("EVENTFERRY_PASSWORD", s.Password.Reveal())
	return k, []string{"-bootstrap", s.BootstrapServers, "-topic", s.TopicName, "-user", s.UserName, "-ca", s.TLS.CAFile}
}

func TestRun_sample(t *testing.T) {
	for name, stdin := range map[string]*os.File{"terminal": terminal(t), "empty pipe": pipe(t, ""), "no standard input": nil} {
		t.Run(name, func(t *testing.T) {
			lines, err := start(t, stdin)
			require.NoError(t, err)
			require.Len(t, lines, 8)
			assert.Regexp(t, `^forwarding 4 batches to topic events at 127\.0\.0\.1:\d+`, lines[0])
			// Where murmur2 places the keys of the sample among 12 partitions.
			assert.Equal(t, "batch 1  partition 4  offset 0  key -7636538281262557001  events 3  bytes 960", lines[1])
			assert.Equal(t, "batch 1  dropped 1 event: switched off (include_user_attribute_change_events)", lines[2])
			assert.Equal(t, "batch 2  partition 9  offset 0  key 7346244611012968789  events 2  bytes 567", lines[3])
			assert.Regexp(t, `^batch 3  partition \d+  offset \d  key none  events 1  bytes 298$`, lines[4])
			assert.Equal(t, "batch 3  dropped 1 event: event type is not forwarded (event_type)", lines[5])
			assert.Regexp(t, `^batch 4  partition 3  offset \d  key 9007199254740993  events 0  bytes 104$`, lines[6])
			assert.Regexp(t, `^4 batches, 4 messages, 6 events, 1929 bytes, 2 events dropped, \d+`, lines[7])
		})
	}
}

func TestRun_input(t *testing.T) {
	const two = `{"mpid":1,"events":[]} {"mpid":"1"}`
	want := []string{
		`forwarding 2 batches to topic events at .*`,
		`batch 1  partition (\d+)  offset 0  key 1  events 0  bytes 22`,
		`batch 2  partition (\d+)  offset 1  key 1  events 0  bytes 12`,
		`2 batches, 2 messages, 0 events, 34 bytes, 0 events dropped, .*`,
	}
	for name, tc := range map[string]struct {
		stdin *os.File
		args  []string
	}{
		"file":           {terminal(t), []string{file(t, two)}},
		"pipe":           {pipe(t, two), nil},
		"pipe by name":   {pipe(t, two), []string{"-"}},
		"file over pipe": {pipe(t, "rubbish"), []string{file(t, two)}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := start(t, tc.stdin, tc.args...)
			require.NoError(t, err)
			require.Len(t, lines, len(want))
			for i := range want {
				assert.Regexp(t, "^"+want[i]+"$", lines[i])
			}
		})
	}
}

// TestRun_data sends each file of public batches.
func TestRun_data(t *testing.T) {
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skip("1 test over public batches skipped: EVENTFERRY_TESTDATA names no folder")
	}
	var names []string
	for _, pattern := range []string{"*.json", "*.ndjson", "composed/*"} {
		found, err := filepath.Glob(filepath.Join(dir, "batches", pattern))
		require.NoError(t, err)
		names = append(names, found...)
	}
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := os.Open(name)
			require.NoError(t, err)
			defer f.Close()
			n := 0
			for _, err := range batch.Read(f, maxBatch) {
				require.NoError(t, err)
				n++
			}
			lines, err := start(t, terminal(t), name)
			require.NoError(t, err)
			assert.Contains(t, lines[len(lines)-1], count(n, "batch")+", ")
		})
	}
}

func TestRun_own(t *testing.T) {
	k, flags := own(t, forwardertest.WithBrokers(2), forwardertest.WithTopic("theirs", 3))
	lines, err := start(t, terminal(t), append(flags, "-method", "SCRAM-SHA-256")...)
	require.NoError(t, err)
	assert.Len(t, lines, 8)
	assert.Len(t, k.Messages(t, "theirs"), 4)

	lines, err = start(t, terminal(t), append(flags, "-read=false")...) // PLAIN, as by default in the settings
	require.NoError(t, err)
	assert.Regexp(t, `^batch 1  partition \d  offset \d  key -7636538281262557001  events 3  bytes 960$`, lines[1])
	assert.Len(t, k.Messages(t, "theirs"), 8)

	name := file(t, os.Getenv("EVENTFERRY_PASSWORD")+"\n")
	t.Setenv("EVENTFERRY_PASSWORD", "")
	_, err = start(t, terminal(t), append(flags, "-password-file", name)...)
	require.NoError(t, err)
	assert.Len(t, k.Messages(t, "theirs"), 12)
}

func TestRun_env(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	t.Setenv("EVENTFERRY_BOOTSTRAP_SERVERS", s.BootstrapServers)
	t.Setenv("EVENTFERRY_TOPIC_NAME", s.TopicName)
	t.Setenv("EVENTFERRY_AUTHENTICATION_METHOD", string(s.AuthenticationMethod))
	t.Setenv("EVENTFERRY_USER_NAME", s.UserName)
	t.Setenv("EVENTFERRY_PASSWORD", s.Password.Reveal())
	t.Setenv("EVENTFERRY_TLS_CA_FILE", s.TLS.CAFile)
	_, err := start(t, terminal(t))
	require.NoError(t, err)
	assert.Empty(t, k.Messages(t, s.TopicName), "not unless asked for")
	_, err = start(t, terminal(t), "-env")
	require.NoError(t, err)
	assert.Len(t, k.Messages(t, s.TopicName), 4)
}

func TestRun_help(t *testing.T) {
	lines, err := start(t, terminal(t), "-h")
	require.NoError(t, err)
	assert.Equal(t, "usage: quickstart [flags] [file | -]", lines[0])
}

// TestRun_badInput: nothing is sent, not even a connection made.
func TestRun_badInput(t *testing.T) {
	k, flags := own(t)
	good := `{"mpid":1,"events":[{"event_type":"custom_event"}]}` + "\n"
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"malformed":        {good + `{"mpid":1,"events":[}` + "\n" + good, "batch 2: "},
		"malformed, last":  {good + good + `{"mpid":1,`, "batch 3: "},
		"not an object":    {good + `[1]`, "batch 2: "},
		"id a fraction":    {good + `{"mpid":1.5}`, "mpid"},
		"id out of range":  {good + `{"mpid":"9223372036854775808"}`, "mpid"},
		"two ids":          {good + `{"mpid":1,"mpid":2}`, "mpid"},
		"no event type":    {good + `{"events":[{}]}`, "event_type"},
		"not UTF-8":        {good + "{\"a\":\"\xff\"}", "batch 2: "},
		"empty":            {"", "no batch in it"},
		"white space only": {" \n\n", "no batch in it"},
	} {
		t.Run(name, func(t *testing.T) {
			name := file(t, tc.text)
			lines, err := start(t, terminal(t), append(flags, name)...)
			require.ErrorContains(t, err, tc.want)
			assert.ErrorContains(t, err, name)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, []string{""}, lines)
		})
	}
	_, err := start(t, pipe(t, good+"{"), flags...)
	require.ErrorContains(t, err, "standard input: batch 2: ")
	_, err = start(t, pipe(t, ""), flags...) // whatever was to fill the pipe failed
	require.ErrorContains(t, err, "standard input: no batch in it")
	_, err = start(t, terminal(t), append(flags, "missing.ndjson")...)
	require.ErrorContains(t, err, "missing.ndjson")
	assert.Zero(t, k.Requests(forwardertest.APIVersions), "it never connected")
}

func TestRun_tooLarge(t *testing.T) {
	k, flags := own(t)
	large := fmt.Sprintf(`{"mpid":1,"events":[{"event_type":"custom_event","data":{"a":%q}}]}`, strings.Repeat("a", 2_000_000))
	lines, err := start(t, terminal(t), append(flags, file(t, `{"mpid":1}`+large+`{"mpid":2}`))...)
	require.ErrorContains(t, err, "batch 2: ")
	assert.NotContains(t, err.Error(), "aaa")
	assert.Len(t, k.Messages(t, "events"), 1, "the one before it")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[1], "batch 1  partition ")
}

func TestRun_flags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-password", "secret"}, "not defined: -password"},
		{[]string{"a", "b"}, "one file at most"},
		{[]string{"-user", "u"}, "-user goes with -bootstrap"},
		{[]string{"-env", "-bootstrap", "b:1"}, "exclude each other"},
		{[]string{"-bootstrap", "b", "-user", "u", "-method", "MD5"}, "bootstrap_servers"},
		{[]string{"-bootstrap", "b:1", "-ca", "missing.pem"}, "missing.pem"},
	} {
		_, err := start(t, terminal(t), tc.args...)
		assert.ErrorContains(t, err, tc.want, "%q", tc.args)
	}
}

// What the flags leave out is what the settings have by default.
func TestParseFlags_defaults(t *testing.T) {
	o, err := parseFlags([]string{"-bootstrap", "b:1", "-user", "u"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, settings.Settings{}.WithDefaults().AuthenticationMethod, o.own.AuthenticationMethod)
	var help bytes.Buffer
	_, err = parseFlags([]string{"-h"}, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Contains(t, help.String(), fmt.Sprintf("(default %q)", settings.Plain))
}

func TestRun_refused(t *testing.T) {
	k, flags := own(t)
	port := closedPort(t)
	with := func(more ...string) []string { return append(flags[:len(flags):len(flags)], more...) }
	for name, tc := range map[string]struct {
		args     []string
		password string
		atOnce   bool // refused, rather than given up after -timeout
		want     []string
	}{
		"wrong password, PLAIN": {with(), "wrong", true, []string{k.Servers()[0], `"mparticle"`}},
		"wrong password, SCRAM": {with("-method", "SCRAM-SHA-512"), "wrong", true, []string{k.Servers()[0], `"mparticle"`}},
		"unknown topic":         {with("-topic", "nothere"), "", true, []string{`"nothere"`}},
		"no listener":           {with("-bootstrap", port, "-timeout", "500ms"), "", false, []string{port, "refused"}},
		"authority unknown":     {with("-ca", otherCA(t)), "", true, []string{k.Servers()[0], "certificate"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.password != "" {
				t.Setenv("EVENTFERRY_PASSWORD", tc.password)
			}
			lines, err := start(t, terminal(t), tc.args...)
			require.Error(t, err)
			assert.Equal(t, tc.atOnce, !errors.Is(err, context.DeadlineExceeded), "%v", err)
			for _, w := range tc.want {
				assert.ErrorContains(t, err, w)
			}
			assert.NotContains(t, err.Error(), "\n")
			require.Len(t, lines, 1)
			assert.Regexp(t, "^forwarding 4 batches to topic ", lines[0])
		})
	}
	assert.Zero(t, k.Requests(forwardertest.Produce))
}

func TestRun_silentPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = start(t, r, "-timeout", "50ms")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "standard input")
}

// TestProgram runs what go build makes.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "quickstart.exe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	start := func(args ...string) (stdout, stderr string, status int) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		var o, e bytes.Buffer
		cmd.Stdout, cmd.Stderr = &o, &e
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return o.String(), e.String(), exit.ExitCode()
		}
		require.NoError(t, err)
		return o.String(), e.String(), 0
	}
	stdout, stderr, status := start()
	assert.Equal(t, 0, status)
	assert.Contains(t, stdout, "4 messages")
	assert.Empty(t, stderr)

	k, flags := own(t)
	t.Setenv("EVENTFERRY_PASSWORD", "wrong")
	for name, args := range map[string][]string{
		"malformed":      {file(t, `{"mpid":1}{`)},
		"empty":          {file(t, "")},
		"wrong password": flags,
		"no listener":    {"-bootstrap", closedPort(t), "-timeout", "300ms"},
		"many mistakes":  {"-bootstrap", "b", "-topic", "", "-user", "u", "-method", "MD5"},
	} {
		stdout, stderr, status := start(args...)
		assert.Equal(t, 1, status, name)
		assert.NotContains(t, stdout, "partition", name)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "%s: %s", name, stderr)
		assert.True(t, strings.HasPrefix(stderr, "quickstart: "), stderr)
		t.Log(stderr)
	}
	assert.Zero(t, k.Requests(forwardertest.Produce))
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func otherCA(t *testing.T) string {
	t.Helper()
	ca, err := forwardertest.NewCA()
	require.NoError(t, err)
	name, err := ca.WriteFile(t.TempDir())
	require.NoError(t, err)
	return name
}
