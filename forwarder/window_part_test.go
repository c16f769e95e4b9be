package forwarder

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// What a window keeps of its last batch is no piece of the record that it was read from: the
// whole of it would stay in memory, beside the text that is counted.
func TestWindowPart_keepsNoRecord(t *testing.T) {
	record := []byte(`123{"events":[]}kind`)
	e := &spoolstore.Entry{
		Topic: "events", Key: record[:3],
		Messages: []spoolstore.Message{{Value: record[3:16], Headers: []spoolstore.Header{{Key: "k", Value: record[16:]}, {Key: "none"}}}},
	}
	p := windowPart(e, 1, 100)
	clear(record)
	e.Messages[0].Headers[0].Key = "other"
	assert.Equal(t, &lastPart{"events", []byte("123"), []spoolstore.Header{{Key: "k", Value: []byte("kind")}, {Key: "none"}}}, p.Extra)
}
