package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// serve starts the service against a Kafka and returns its address and what
// ends it.
func serve(t *testing.T, kafka *forwardertest.Kafka) (url string, shutdown func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := kafka.Settings()
	env := map[string]string{
		"EVENTFERRY_BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"EVENTFERRY_TOPIC_NAME":            s.TopicName,
		"EVENTFERRY_AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"EVENTFERRY_USER_NAME":             s.UserName,
		"EVENTFERRY_PASSWORD":              s.Password.Reveal(),
		"EVENTFERRY_TLS_CA_FILE":           s.TLS.CAFile,
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, l, lookup, slog.New(slog.DiscardHandler)) }()
	return "http://" + l.Addr().String(), func() error { stop(); return <-ended }
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestService(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	url, shutdown := serve(t, kafka)

	code, text := request(t, "GET", url+"/health", "")
	assert.Equal(t, http.StatusOK, code, text)
	code, text = request(t, "GET", url+"/ready", "")
	assert.Equal(t, http.StatusOK, code, text)
	code, text = request(t, "POST", url+"/batches", `{"mpid":1,"events":[{"event_type":"session_start","data":{}}]}`)
	assert.Equal(t, http.StatusNoContent, code, text)
	code, text = request(t, "POST", url+"/batches", `{"mpid":1.5}`)
	assert.Equal(t, http.StatusBadRequest, code, text)
	assert.Contains(t, text, "mpid")
	code, text = request(t, "POST", url+"/batches", strings.Repeat(" ", maxBody+1))
	assert.Equal(t, http.StatusRequestEntityTooLarge, code, text)

	require.NoError(t, shutdown())
	assert.Len(t, kafka.Messages(t, "events"), 1)
}

// A misspelt variable is told of, so that locations do not leave by mistake.
func TestWarnUnknown(t *testing.T) {
	var out strings.Builder
	warnUnknown(slog.New(slog.NewTextHandler(&out, nil)), []string{"EVENTFERRY_INCLUDE_LOCATION=false", "EVENTFERRY_TOPIC_NAME=events", "PATH=/bin"})
	assert.Equal(t, 1, strings.Count(out.String(), "level=WARN"))
	assert.Contains(t, out.String(), `variable="EVENTFERRY_INCLUDE_LOCATION: do you mean EVENTFERRY_INCLUDE_LOCATION_INFORMATION?"`)
}

func TestService_whileKafkaIsDown(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	down := kafka.Unreachable()
	url, shutdown := serve(t, kafka)

	code, text := request(t, "GET", url+"/health", "")
	assert.Equal(t, http.StatusServiceUnavailable, code, text)
	code, text = request(t, "GET", url+"/ready", "")
	assert.Equal(t, http.StatusOK, code, "Kafka being away is no reason to send no traffic: %s", text)
	down.Stop()
	code, text = request(t, "POST", url+"/batches", `{"mpid":1,"events":[{"event_type":"session_start","data":{}}]}`)
	assert.Equal(t, http.StatusNoContent, code, text)
	require.NoError(t, shutdown())
}
