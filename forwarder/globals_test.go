package forwarder

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// TestSarama_globals: what Sarama keeps for the whole process belongs to the
// program.
//
//nolint:forbidigo // nothing but this test may
func TestSarama_globals(t *testing.T) {
	logger := log.New(io.Discard, "", 0)
	before := sarama.Logger
	debug := sarama.DebugLogger
	t.Cleanup(func() { sarama.Logger, sarama.DebugLogger = before, debug })
	sarama.Logger, sarama.DebugLogger = logger, logger
	request, response := sarama.MaxRequestSize, sarama.MaxResponseSize

	server := httptest.NewTLSServer(nil)
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	f, err := New(t.Context(), settings.Settings{
		BootstrapServers: "127.0.0.1:1", TopicName: "events", TLS: settings.TLS{CAFile: ca},
	}, WithoutProbe())
	require.NoError(t, err)
	require.NoError(t, f.Close())

	assert.Same(t, logger, sarama.Logger)
	assert.Same(t, logger, sarama.DebugLogger)
	assert.Nil(t, sarama.PanicHandler)
	assert.Equal(t, request, sarama.MaxRequestSize)
	assert.Equal(t, response, sarama.MaxResponseSize)
}
