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
// not tell attempts apart, so whatever comes out of it as an error is unknown.
func TestErrors_classes(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		tested := 0
		for _, e := range protocolErrors(t) {
			if e.Class == "" {
				continue
			}
			tested++
			t.Run(e.Name, func(t *testing.T) {
				t.Parallel()
				e.answer(t, p)
			})
		}
		assert.Equal(t, 34, tested)
	})
}

// answer has a request answered with e.
func (e protocolError) answer(t *testing.T, p delivering) {
	t.Helper()
	k := forwardertest.NewKafka(t)
	f := p.open(t, k)
	ctx := within(t, time.Minute)
	var l ledger
	first, b := l.make(t, 1, 10)
	l.note(first, f.Forward(ctx, b)) // the partition is in use
	fault := k.Fail(forwardertest.Produce, e.Code, 1)
	second, b := l.make(t, 1, 10)
	err := f.Forward(ctx, b)
	l.note(second, err)
	require.Equal(t, 1, fault.Hits())

	switch e.outcome(p) {
	case retried:
		require.NoError(t, err)
	case taken:
		// The fault says "duplicate" of what was never written.
		require.NoError(t, err)
		return
	case returned:
		var d *forwarder.DeliveryError
		require.ErrorAs(t, err, &d)
		if p.stock {
			assert.Equal(t, forwarder.Unknown, d.Failures[0].Outcome)
		} else {
			assert.Equal(t, forwarder.NotSent, d.Failures[0].Outcome)
		}
		assert.Equal(t, !p.stock, forwarder.NothingSent(err))
		mendable := e.Code == 43 // the codec, or the topic's message format
		assert.Equal(t, e.Class == permanent && !mendable, forwarder.Permanent(err))
		var code sarama.KError
		require.True(t, errors.As(err, &code))
		assert.Equal(t, e.Code, int16(code))
	}
	// Later messages of the user go on.
	third, b := l.make(t, 1, 10)
	l.note(third, f.Forward(ctx, b))
	require.NoError(t, third.err)
	l.check(t, k, 12)
}

// What becomes of an answer to a first attempt.
type outcome int

const (
	retried outcome = iota
	taken           // for success
	returned
)

const permanent = "permanent"

// outcome is that of a producer. The engine returns what no retry changes, and
// nothing else: all the rest is tried again for as long as it takes.
func (e protocolError) outcome(p delivering) outcome {
	switch {
	case e.Class == "success":
		return taken
	case p.stock && e.Sarama == "returned to the caller", !p.stock && e.Class == permanent:
		return returned
	default:
		return retried
	}
}
