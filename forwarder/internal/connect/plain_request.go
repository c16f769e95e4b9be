package connect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Ask sends a request of a version without tagged fields, and returns what is behind the
// header of the answer. It is for answers that Sarama cannot read within bounds: one
// of more than most bytes is refused before anything is allocated. Nothing else
// may be under way on the connection; then Sarama reads nothing from it. After
// an error nothing more can be asked.
func (b *Broker) Ask(key, version int16, body []byte, most int) ([]byte, error) {
	b.asked++
	if err := b.held.SetDeadline(time.Now().Add(b.readTimeout)); err != nil {
		return nil, err
	}
	if _, err := b.held.Write(plainRequest(key, version, b.asked, b.clientID, body)); err != nil {
		return nil, err
	}
	const sizeBytes, correlationBytes = 4, 4
	var head [sizeBytes + correlationBytes]byte
	if _, err := io.ReadFull(b.held, head[:]); err != nil {
		return nil, err
	}
	size := int64(int32(binary.BigEndian.Uint32(head[:]))) - correlationBytes //nolint:gosec // as the protocol has it
	if size < 0 || size > int64(most) {
		return nil, fmt.Errorf("%w: %d bytes", errOddAnswer, size)
	}
	if got := int32(binary.BigEndian.Uint32(head[sizeBytes:])); got != b.asked { //nolint:gosec // as the protocol has it
		return nil, fmt.Errorf("%w: it is for request %d", errOddAnswer, got)
	}
	answer := make([]byte, size)
	_, err := io.ReadFull(b.held, answer)
	return answer, err
}

var errOddAnswer = errors.New("no answer to what was asked")

// plainRequest makes a request with Kafka's request header 1.
func plainRequest(key, version int16, correlation int32, clientID string, body []byte) []byte {
	const headerBytes = 2 + 2 + 4 + 2
	put16 := func(b []byte, v int) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) } //nolint:gosec // as the protocol has it
	put32 := func(b []byte, v int) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) } //nolint:gosec // as the protocol has it
	b := put32(nil, headerBytes+len(clientID)+len(body))
	b = put16(put16(b, int(key)), int(version))
	b = put16(put32(b, int(correlation)), len(clientID))
	return append(append(b, clientID...), body...)
}
