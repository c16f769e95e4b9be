package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

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

// find waits for what the expression matches and returns its groups.
func (o *output) find(t *testing.T, expression string) []string {
	t.Helper()
	var found []string
	require.Eventually(t, func() bool {
		found = regexp.MustCompile(expression).FindStringSubmatch(o.String())
		return found != nil
	}, time.Minute, 5*time.Millisecond, expression)
	return found
}

// start runs the service until the test ends or stop is called.
func start(t *testing.T, env map[string]string) (out *output, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = &output{}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, out, io.Discard)
	}()
	return out, func() error { cancel(); return <-ended }
}

func call(t *testing.T, client *http.Client, method, url, body, authorization string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// With nothing set, the line for curl works, and what it posts is printed.
func TestReceiver_demo(t *testing.T) {
	out, stop := start(t, map[string]string{prefix + "LISTEN": "127.0.0.1:0"})
	line := out.find(t, `curl --cacert '(\S+)' -H 'Authorization: (.+)' \\\n  -d '(.+)' https://\S+(/webhook)`)
	address := out.find(t, `serving (\S+)`)[1]
	pem, err := os.ReadFile(line[1])
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	status, text := call(t, client, http.MethodPost, "https://"+address+line[4], line[3], line[2])
	assert.Equal(t, http.StatusOK, status, text)
	arrived := out.find(t, `arrived: partition \d+ offset 0 key (\S+)\n(.*)\n`)
	assert.Equal(t, "7346244611012968789", arrived[1])
	assert.Equal(t, line[3], arrived[2])
	assert.DirExists(t, filepath.Join(filepath.Dir(line[1]), "spool"))
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/v2/events": 405, "/other": 404} {
		status, _ = call(t, client, http.MethodGet, "https://"+address+path, "", "")
		assert.Equal(t, want, status, path)
	}
	require.NoError(t, stop())
}

// With everything set, behind a proxy: both doors, quarantine, and an end that leaves
// nothing undecided.
func TestReceiver(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	s, dir := kafka.Settings(), t.TempDir()
	env := map[string]string{
		"EVENTFERRY_BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME":            s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME":             s.UserName,
		"EVENTFERRY_PASSWORD":              s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE":           s.TLS.CAFile,
		prefix + "LISTEN":                  "127.0.0.1:0",
		prefix + "WEBHOOK_SECRET":          "Bearer one",
		prefix + "WEBHOOK_SECRET_2":        "Bearer two",
		prefix + "FEEDS":                   "shop:key:secret:newer,app:other:secret",
		prefix + "TRUSTED_PROXIES":         "10.0.0.0/8, 127.0.0.0/8",
		prefix + "QUARANTINE_DIR":          dir,
	}
	out, stop := start(t, env)
	url := "http://" + out.find(t, `serving (\S+)`)[1]
	for _, secret := range []string{"Bearer one", "Bearer two"} {
		status, text := call(t, http.DefaultClient, http.MethodPost, url+"/webhook", `{"mpid":7}`, secret)
		assert.Equal(t, http.StatusOK, status, text)
	}
	status, text := call(t, http.DefaultClient, http.MethodPost, url+"/v2/events", `{"mpid":"7"}`, "Basic a2V5Om5ld2Vy") // key:newer
	assert.Equal(t, http.StatusAccepted, status, text)
	status, text = call(t, http.DefaultClient, http.MethodPost, url+"/webhook", `{"mpid":"x"}`, "Bearer one")
	assert.Equal(t, http.StatusBadRequest, status, text)
	require.NoError(t, stop())
	assert.Len(t, kafka.Messages(t, "events"), 3)

	kept, err := filepath.Glob(filepath.Join(dir, "*-webhook-*.json"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	body, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	assert.Equal(t, `{"mpid":"x"}`, string(body))
}

func TestReceiver_mistakes(t *testing.T) {
	with := func(changes map[string]string) map[string]string {
		env := map[string]string{"EVENTFERRY_BOOTSTRAP_SERVERS": "127.0.0.1:1", "EVENTFERRY_TOPIC_NAME": "events", prefix + "WEBHOOK_SECRET": "s"}
		for name, value := range changes {
			env[name] = value
		}
		return env
	}
	for want, env := range map[string]map[string]string{
		"there is no feed":   with(map[string]string{prefix + "WEBHOOK_SECRET": ""}),
		"TLS_CERT_FILE":      with(nil),
		"feed 1 is not name": with(map[string]string{prefix + "FEEDS": "only-a-secret"}),
		"TRUSTED_PROXIES":    with(map[string]string{prefix + "TRUSTED_PROXIES": "10"}),
		"bootstrap_servers":  with(map[string]string{"EVENTFERRY_BOOTSTRAP_SERVERS": "no port"}),
	} {
		err := run(t.Context(), func(name string) (string, bool) { v, ok := env[name]; return v, ok }, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "only-a-secret")
	}
}

// A misspelt variable is told of, and those of the receiver are none.
func TestWarnUnknown(t *testing.T) {
	var out strings.Builder
	warnUnknown(slog.New(slog.NewTextHandler(&out, nil)), []string{"EVENTFERRY_INCLUDE_LOCATION=false", "EVENTFERRY_RECEIVER_LISTEN=:8080", "EVENTFERRY_TOPIC_NAME=events"})
	assert.Equal(t, 1, strings.Count(out.String(), "level=WARN"), out.String())
	assert.Contains(t, out.String(), `variable="EVENTFERRY_INCLUDE_LOCATION: do you mean EVENTFERRY_INCLUDE_LOCATION_INFORMATION?"`)
}
