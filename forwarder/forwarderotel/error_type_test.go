package forwarderotel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
)

func TestErrorType(t *testing.T) {
	for want, err := range map[string]error{
		"NOT_ENOUGH_REPLICAS": fmt.Errorf("partition 3: %w", sarama.ErrNotEnoughReplicas),
		"KAFKA_4711":          sarama.KError(4711),
		"timeout":             fmt.Errorf("no leader: %w", context.DeadlineExceeded),
		"canceled":            context.Canceled,
		"closed":              forwarder.ErrClosed,
		"filter":              &forwarder.FilterError{Err: errors.New("x")},
		"too_large":           &forwarder.TooLargeError{},
		"network":             &net.OpError{Op: "dial", Err: errors.New("x")},
		"_OTHER":              errors.New("user 4711"),
	} {
		assert.Equal(t, want, errorType(err))
	}
}

// The names are Kafka's own.
func TestKafkaErrors_names(t *testing.T) {
	folder := os.Getenv("EVENTFERRY_TESTDATA")
	if folder == "" {
		t.Skip("EVENTFERRY_TESTDATA names no folder with Kafka's error table")
	}
	text, err := os.ReadFile(filepath.Join(folder, "kafka_errors.json"))
	require.NoError(t, err)
	var table struct {
		Errors []struct {
			Code int16
			Name string
		}
	}
	require.NoError(t, json.Unmarshal(text, &table))
	require.NotEmpty(t, table.Errors)
	names := map[sarama.KError]string{}
	for _, row := range table.Errors {
		names[sarama.KError(row.Code)] = row.Name
	}
	for code, name := range kafkaErrors {
		assert.Equal(t, names[code], name, "code %d", code)
	}
}
