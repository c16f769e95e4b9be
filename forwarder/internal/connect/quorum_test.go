package connect

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quorumAnswer is an answer of version 1, with one voter and one observer.
func quorumAnswer(code uint16, voter, observer int64) []byte {
	be := binary.BigEndian
	b := be.AppendUint32(nil, quorumCorrelationID)
	b = append(b, 0)
	b = be.AppendUint16(b, code)
	b = append(b, 2, byte(len(quorumTopic)+1))
	b = append(b, quorumTopic...)
	b = append(b, 2)
	b = append(b, make([]byte, 4+2+4+4+8)...)
	for _, at := range []int64{voter, observer} {
		b = append(b, 2)
		b = append(b, make([]byte, 4+8)...)
		b = be.AppendUint64(b, uint64(at)) //nolint:gosec // as the protocol has it
		b = be.AppendUint64(b, uint64(at)) //nolint:gosec // as the protocol has it
		b = append(b, 0)
	}
	return append(b, 0, 0, 0)
}

func TestParseQuorum(t *testing.T) {
	got, err := parseQuorum(quorumAnswer(0, 1_700_000_000_123, 1_699_999_999_000))
	require.NoError(t, err)
	assert.Equal(t, time.UnixMilli(1_700_000_000_123), got)
	_, err = parseQuorum(quorumAnswer(31, 1, 1))
	assert.Equal(t, sarama.ErrClusterAuthorizationFailed, err)
	_, err = parseQuorum(quorumAnswer(0, -1, -1))
	assert.ErrorIs(t, err, errQuorumAnswer, "no time at all")
	whole := quorumAnswer(0, 1, 1)
	for n := range len(whole) {
		_, err := parseQuorum(whole[:n])
		assert.ErrorIs(t, err, errQuorumAnswer, "%d of %d bytes", n, len(whole))
	}
	for i := range whole { // nothing that is said makes it go wrong
		for _, b := range []byte{0, 1, 0x7f, 0xff} {
			changed := append([]byte(nil), whole...)
			changed[i] = b
			_, _ = parseQuorum(changed)
		}
	}
}

func TestControllerTime_Ahead(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	ahead, uncertain := ControllerTime{at, at.Add(-time.Minute), at.Add(100 * time.Millisecond)}.Ahead()
	assert.Equal(t, 51*time.Millisecond, uncertain)
	assert.Equal(t, time.Minute+51*time.Millisecond, ahead)
}
