package forwarder

import (
	"io"
	"log"
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

	ca := newAuthority(t, "Our CA")
	f, err := New(t.Context(), settings.Settings{
		BootstrapServers: closedPort(t), TopicName: "events", TLS: settings.TLS{CAFile: ca.file},
	}, WithoutProbe())
	require.NoError(t, err)
	require.NoError(t, f.Close())

	assert.Same(t, logger, sarama.Logger)
	assert.Same(t, logger, sarama.DebugLogger)
	assert.Nil(t, sarama.PanicHandler)
	assert.Equal(t, request, sarama.MaxRequestSize)
	assert.Equal(t, response, sarama.MaxResponseSize)
}
