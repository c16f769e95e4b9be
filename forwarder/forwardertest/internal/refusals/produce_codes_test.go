package refusals

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An ending is what becomes of a message that is always answered with one code.
type ending int8

const (
	permanent ending = iota // refused at once, for the message's or the request's own sake
	mendable                // refused at once, and mended without touching the batch
	withdrawn               // tried again, and not sent when its caller gives up meanwhile
	uncertain               // tried again, and unknown when its caller gives up meanwhile
)

// A produceCode is an error code of Kafka's protocol that a produce request can be
// answered with.
type produceCode struct {
	code   int16
	name   string
	ending ending
}

// produceCodes are named as in https://kafka.apache.org/protocol.html#protocol_error_codes.
// What a broker finds before it writes (rights, too few replicas, the codec, the
// sequence, the epoch) is certain. A change of leader is not: a broker also answers
// so when it is replaced while it waits for its followers.
var produceCodes = []produceCode{
	{-1, "UNKNOWN_SERVER_ERROR", uncertain},
	{2, "CORRUPT_MESSAGE", uncertain},
	{3, "UNKNOWN_TOPIC_OR_PARTITION", uncertain},
	{5, "LEADER_NOT_AVAILABLE", uncertain},
	{6, "NOT_LEADER_OR_FOLLOWER", uncertain},
	{7, "REQUEST_TIMED_OUT", uncertain},
	{9, "REPLICA_NOT_AVAILABLE", uncertain},
	{10, "MESSAGE_TOO_LARGE", permanent},
	{13, "NETWORK_EXCEPTION", uncertain},
	{17, "INVALID_TOPIC_EXCEPTION", permanent},
	{18, "RECORD_LIST_TOO_LARGE", permanent},
	{19, "NOT_ENOUGH_REPLICAS", withdrawn},
	{20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", uncertain},
	{21, "INVALID_REQUIRED_ACKS", permanent},
	{29, "TOPIC_AUTHORIZATION_FAILED", withdrawn},
	{31, "CLUSTER_AUTHORIZATION_FAILED", withdrawn},
	{32, "INVALID_TIMESTAMP", mendable},
	{33, "UNSUPPORTED_SASL_MECHANISM", permanent},
	{34, "ILLEGAL_SASL_STATE", uncertain},
	{35, "UNSUPPORTED_VERSION", permanent},
	{42, "INVALID_REQUEST", permanent},
	{43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", mendable},
	{44, "POLICY_VIOLATION", permanent},
	{45, "OUT_OF_ORDER_SEQUENCE_NUMBER", withdrawn},
	{46, "DUPLICATE_SEQUENCE_NUMBER", withdrawn}, // at the first attempt; at a later one it is an acknowledgement
	{47, "INVALID_PRODUCER_EPOCH", withdrawn},
	{49, "INVALID_PRODUCER_ID_MAPPING", withdrawn},
	{53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", withdrawn},
	{56, "KAFKA_STORAGE_ERROR", uncertain},
	{58, "SASL_AUTHENTICATION_FAILED", uncertain},
	{59, "UNKNOWN_PRODUCER_ID", withdrawn},
	{74, "FENCED_LEADER_EPOCH", uncertain},
	{75, "UNKNOWN_LEADER_EPOCH", uncertain},
	{76, "UNSUPPORTED_COMPRESSION_TYPE", withdrawn},
	{87, "INVALID_RECORD", permanent},
	{89, "THROTTLING_QUOTA_EXCEEDED", withdrawn},
	{90, "PRODUCER_FENCED", withdrawn},
	{100, "UNKNOWN_TOPIC_ID", uncertain},
	{103, "INCONSISTENT_TOPIC_ID", uncertain},
}

// TestProduceCodes compares the table with one that was read from Kafka's source.
func TestProduceCodes(t *testing.T) {
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skip("EVENTFERRY_TESTDATA is not set: it names the folder with kafka_errors.json, Kafka's table of errors")
	}
	text, err := os.ReadFile(filepath.Join(dir, "kafka_errors.json"))
	require.NoError(t, err)
	var table struct {
		Errors []struct {
			Code         int16
			Name         string
			ProduceClass string `json:"produce_class"` // "": not classed
		}
	}
	require.NoError(t, json.Unmarshal(text, &table))
	require.NotEmpty(t, table.Errors)
	ours := map[int16]produceCode{}
	for _, c := range produceCodes {
		ours[c.code] = c
	}
	require.Len(t, ours, len(produceCodes), "no code twice")
	found := 0
	for _, c := range table.Errors {
		mine, ok := ours[c.Code]
		if c.ProduceClass != "" {
			assert.True(t, ok, "%d %s is missing", c.Code, c.Name)
		}
		if !ok {
			continue
		}
		found++
		assert.Equal(t, c.Name, mine.name)
		const messageFormat = 43 // a setting or the topic mends it
		if c.ProduceClass != "" && c.Code != messageFormat {
			assert.Equal(t, c.ProduceClass == "permanent", mine.ending == permanent, c.Name)
		}
	}
	assert.Equal(t, len(produceCodes), found, "codes that Kafka does not have")
}
