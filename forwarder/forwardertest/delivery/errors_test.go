package delivery

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// A producer's error code, with its class.
type protocolError struct {
	Code   int16
	Name   string
	Class  string `json:"produce_class"`
	Sarama string `json:"sarama_1_61_1_producer"`
}

func protocolErrors(t *testing.T) []protocolError {
	t.Helper()
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skip("EVENTFERRY_TESTDATA is unset: skipping 1 test over Kafka's error codes")
	}
	data, err := os.ReadFile(filepath.Join(dir, "kafka_errors.json"))
	require.NoError(t, err)
	var file struct{ Errors []protocolError }
	require.NoError(t, json.Unmarshal(data, &file))
	return file.Errors
}

// Each answer to a produce request comes out in its class. AsyncProducer does
// not tell attempts apart, so whatever comes out as an error is unknown.
func TestErrors_classes(t *testing.T) {
	tested := 0
	for _, e := range protocolErrors(t) {
		if e.Class == "" {
			continue
		}
		tested++
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			f := open(t, k)
			ctx := within(t, 30*time.Second)
			var l ledger
			first, b := l.make(t, 1, 10)
			l.note(first, f.Forward(ctx, b)) // the partition is in use
			fault := k.Fail(forwardertest.Produce, e.Code, 1)
			second, b := l.make(t, 1, 10)
			err := f.Forward(ctx, b)
			l.note(second, err)
			require.Equal(t, 1, fault.Hits())

			switch e.Sarama {
			case "retried":
				require.NoError(t, err)
			case "success":
				// The fault says "duplicate" of what was never written.
				require.NoError(t, err)
				return
			case "returned to the caller":
				var d *forwarder.DeliveryError
				require.ErrorAs(t, err, &d)
				assert.Equal(t, forwarder.Unknown, d.Failures[0].Outcome)
				assert.False(t, forwarder.NothingSent(err))
				assert.Equal(t, e.Class == "permanent", forwarder.Permanent(err))
				var code sarama.KError
				require.True(t, errors.As(err, &code))
				assert.Equal(t, e.Code, int16(code))
			}
			// Later messages of the user go on.
			third, b := l.make(t, 1, 10)
			l.note(third, f.Forward(ctx, b))
			require.NoError(t, third.err)
			l.check(t, k, 12)
		})
	}
	assert.Equal(t, 34, tested)
}
