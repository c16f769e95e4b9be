package forwarderotel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

func TestErrorType(t *testing.T) {
	for want, err := range map[string]error{
		"NOT_ENOUGH_REPLICAS": fmt.Errorf("partition 3: %w", sarama.ErrNotEnoughReplicas),
		"KAFKA_4711":          sarama.KError(4711),
		"timeout":             fmt.Errorf("no leader: %w", context.DeadlineExceeded),
		"canceled":            context.Canceled,
		"closed":              forwarder.ErrClosed,
		"filter":              &forwarder.FilterError{Err: errors.New("x")},
		"spool_full":          fmt.Errorf("%w: %w: %w", spool.ErrFull, context.DeadlineExceeded, sarama.ErrNotEnoughReplicas),
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

// Every code that the suite of refusals answers produce requests with has a name, the
// same as there.
func TestKafkaErrors_produceCodes(t *testing.T) {
	file := filepath.Join("..", "forwardertest", "internal", "refusals", "produce_codes_test.go")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the suites are a module of their own and not part of this copy")
	}
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\t\{(-?\d+), "([A-Z_]+)", \w+\},`).FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(rows), 30, "%s has its table in another form", file)
	for _, row := range rows {
		code, err := strconv.ParseInt(row[1], 10, 16)
		require.NoError(t, err)
		assert.Equal(t, row[2], kafkaError(sarama.KError(code)), "code %d, see kafkaErrors in error_type.go", code)
	}
}
