package forwarder

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
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

// What a window counts for its last batch is what it holds of it.
func TestWindowPart_whatIsCountedIsWhatIsHeld(t *testing.T) {
	for _, bytesOfEach := range []int{0, 10, 1000} {
		for _, headers := range []int{0, 1, 20} {
			t.Run(fmt.Sprintf("%d headers of %d bytes", headers, bytesOfEach), func(t *testing.T) {
				const parts = 1000
				list, counted := make([]any, parts), int64(0)
				before := heapInUse()
				for i := range list {
					e := &spoolstore.Entry{Topic: strings.Clone("events"), Key: []byte("7346244611012968789"), Messages: []spoolstore.Message{{Value: []byte(`{"events":[]}`)}}}
					for range headers {
						h := spoolstore.Header{Key: strings.Repeat("k", bytesOfEach), Value: bytes.Repeat([]byte("v"), bytesOfEach)}
						e.Messages[0].Headers = append(e.Messages[0].Headers, h)
					}
					p := windowPart(e, 1, 100)
					list[i], counted = p.Extra, counted+p.ExtraBytes
				}
				held := heapInUse() - before
				t.Logf("%d bytes are held of each, %d are counted", held/parts, counted/parts)
				assert.LessOrEqual(t, float64(held), 1.3*float64(counted))
				assert.GreaterOrEqual(t, float64(held), 0.7*float64(counted))
				runtime.KeepAlive(list)
			})
		}
	}
}
