package receiver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/eventferry/eventferry/batch"
)

// derivedIDs are the ids of a batch that its sender has not given: the same ones
// whenever the same request comes, if it has an id.
type derivedIDs struct {
	batch   string // batch_id, a positive integer
	message string // message_id, a UUID
}

// newIDs derives the ids of a batch from its source_request_id, or else from its
// batch_id, and takes random ones if it has neither.
func (c *conversion) newIDs(b *batch.Batch) derivedIDs {
	var seed string
	if text, ok := b.At("source_request_id").Text(); ok && text != "" {
		seed = digestText(c.apiKey, "request", text)
	} else if id := b.At("batch_id"); !isZero(id) {
		seed = digestText(c.apiKey, "batch", string(id.Raw()))
	} else {
		seed = rand.Text()
	}
	ids := derivedIDs{batch: strconv.FormatInt(positive(digest("batch_id", seed)), 10)}
	if n, ok := b.At("batch_id").Int64(); ok && n != 0 {
		ids.batch = strconv.FormatInt(n, 10)
	}
	u := digest("message_id", seed)
	u[6] = u[6]&0x0f | 0x80 // version 8: made in a way of our own (RFC 9562)
	u[8] = u[8]&0x3f | 0x80
	ids.message = fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
	return ids
}

// event returns the id of the event at a position.
func (d *derivedIDs) event(i int) string {
	return strconv.FormatInt(positive(digest("event_id", d.batch, strconv.Itoa(i))), 10)
}

// digest hashes texts, each apart from the next.
func digest(texts ...string) [sha256.Size]byte {
	var all []byte
	for _, text := range texts {
		all = append(strconv.AppendInt(all, int64(len(text)), 10), ':')
		all = append(all, text...)
	}
	return sha256.Sum256(all)
}

func digestText(texts ...string) string {
	sum := digest(texts...)
	return string(sum[:])
}

// positive returns 63 bits of a hash, and never 0.
func positive(sum [sha256.Size]byte) int64 {
	return int64(binary.BigEndian.Uint64(sum[:8])>>1) | 1<<62 //nolint:gosec // 63 bits fit
}
