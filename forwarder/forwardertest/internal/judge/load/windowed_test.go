package load_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// A batch of windows is one piece of its message, and a part of it is, too.
func TestParams_windows(t *testing.T) {
	p := params()
	p.Windows = true
	devices, closing := map[int]int{}, 0
	for id := range uint32(3000) {
		b := load.Batch{Owner: int(id) % p.Owners(), N: id/7 + 1, ID: id}
		n := p.Events(id)
		value := p.Append(nil, b, 0, n)
		parsed, err := batch.Parse(value)
		require.NoError(t, err)
		user, _ := parsed.UserID()
		require.Equal(t, p.User(b.Owner), user)
		require.Equal(t, n, parsed.NumEvents())
		pieces, err := p.Unfold(value)
		require.NoError(t, err)
		require.Equal(t, []load.Piece{{Batch: b, To: n, Value: value}}, pieces)
		if p.Shape(id) == load.Plain {
			assert.Empty(t, p.Mixed(value, pieces))
		}
		if n > 2 {
			part := parsed.AppendEvents(nil, 1, n-1)
			require.Equal(t, p.Append(nil, b, 1, n-1), part)
			pieces, err = p.Unfold(part)
			require.NoError(t, err)
			require.Equal(t, []load.Piece{{Batch: b, From: 1, To: n - 1, Value: part}}, pieces)
		}
		devices[p.Device(b.Owner, b.N)]++
		if p.Closes(id, 0, n) {
			closing++
		}
	}
	assert.Len(t, devices, load.Devices)
	assert.Positive(t, closing)
	assert.Less(t, closing, 600)
}

func TestParams_unfoldForeign(t *testing.T) {
	for _, value := range []string{
		"", `{"events":1}`, `{"events":[1]}`, `{"events":[{}]}`, `{"events":[{"data":{"batch":"1-2"}}]}`,
		`{"events":[{"data":{"batch":"1-2-3","id":"4-0"}}]}`, `{"events":[{"data":{"batch":"1-2-3","id":"3-99"}}]}`,
	} {
		_, err := params().Unfold([]byte(value))
		require.Error(t, err, value)
	}
}
