package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// binary is the program, which is built once for all tests.
var binary string

func TestMain(m *testing.M) {
	if runtime.GOOS == "windows" {
		os.Exit(0) // the tests need signals
	}
	dir, err := os.MkdirTemp("", "eventferry-gateway-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "gateway")
	build := exec.Command("go", "build", "-o", binary, ".") //nolint:noctx // there is no test yet
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	code := 1
	if out, err := build.CombinedOutput(); err != nil {
		_, _ = os.Stderr.Write(out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// patienceOfTests is with a machine that is busy.
const patienceOfTests = 2 * time.Minute

// An output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// A process is one run of the program.
type process struct {
	cmd   *exec.Cmd
	out   output // both of its outputs
	ended chan error
}

// start runs the program until the test ends, or it is ended before.
func start(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), binary, args...), ended: make(chan error, 1)} //nolint:gosec // our program
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		select {
		case err := <-p.ended:
			p.ended <- err
		case <-time.After(time.Minute):
		}
		if t.Failed() {
			t.Logf("%v:\n%s", args, &p.out)
		}
	})
	return p
}

// find waits for what the expression matches and returns its groups.
func (p *process) find(t *testing.T, expression string) (found []string) {
	t.Helper()
	require.Eventually(t, func() bool {
		found = regexp.MustCompile(expression).FindStringSubmatch(p.out.String())
		return found != nil || len(p.ended) > 0
	}, patienceOfTests, 5*time.Millisecond, expression)
	require.NotNil(t, found, "the program has ended: %s", &p.out)
	return found
}

// kill ends the process by SIGKILL.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.wait(t))
}

// end asks the process to end, which it must do well.
func (p *process) end(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.wait(t), "%s", &p.out)
}

// wait returns how the process has ended.
func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-time.After(patienceOfTests):
		t.Fatalf("the process does not end: %s", &p.out)
		return nil
	}
}

// command runs the program to its end.
func command(t *testing.T, env []string, stdin string, args ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceOfTests) // one that serves does not end by itself
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...) //nolint:gosec // our program
	cmd.Dir, cmd.Env, cmd.Stdin = t.TempDir(), append(os.Environ(), env...), strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// A setup is a configuration on a Kafka of the test, behind a proxy that has TLS.
type setup struct {
	file, spool, quarantine string
	env                     []string // with the secrets
}

const (
	hookSecret = "Bearer one"
	shopSecret = "Basic a2V5OnNlY3JldA==" // key:secret
)

// configure writes a configuration. change may edit it, and its settings.
func configure(t *testing.T, k *forwardertest.Kafka, change func(file, settings map[string]any)) setup {
	t.Helper()
	s, dir := k.Settings(), t.TempDir()
	c := setup{
		file: filepath.Join(dir, "gateway.json"), spool: filepath.Join(dir, "spool"), quarantine: t.TempDir(),
		env: []string{"EVENTFERRY_PASSWORD=" + s.Password.Reveal(), "GATEWAY_SECRET_hook_2=" + hookSecret, "GATEWAY_SECRET_shop=secret"},
	}
	settings := map[string]any{
		"bootstrap_servers": s.BootstrapServers, "topic_name": s.TopicName, "authentication_method": s.AuthenticationMethod,
		"user_name": s.UserName, "tls": map[string]any{"ca_file": s.TLS.CAFile},
		"spool": map[string]any{"dir": c.spool, "max_bytes": 64 << 20},
	}
	file := map[string]any{
		"settings": settings, "listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "trusted_proxies": []string{"127.0.0.0/8"},
		"feeds":          []any{map[string]any{"name": "hook"}, map[string]any{"name": "shop", "api_key": "key"}},
		"quarantine_dir": c.quarantine,
	}
	if change != nil {
		change(file, settings)
	}
	text, err := json.Marshal(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.file, text, 0o600))
	return c
}

// serve starts the gateway and returns the addresses of its servers.
func (c setup) serve(t *testing.T) (p *process, doors, admin string) {
	t.Helper()
	p = start(t, t.TempDir(), c.env, "serve", "-config", c.file)
	at := p.find(t, `doors at (\S+), metrics and probes at (\S+)\n`)
	return p, "http://" + at[1], at[2]
}

// call sends a request and returns its answer.
func call(t *testing.T, client *http.Client, method, url, body, authorization string) (int, string) {
	t.Helper()
	status, text, err := tryCall(t.Context(), t, client, method, url, body, authorization)
	require.NoError(t, err)
	return status, text
}

func tryCall(ctx context.Context, t *testing.T, client *http.Client, method, url, body, authorization string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// trusting returns a client that trusts the authority of a file.
func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
