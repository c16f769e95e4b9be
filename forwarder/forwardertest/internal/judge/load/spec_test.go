package load_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

func params() load.Params {
	return load.Params{Seed: 3, Users: 50, Keyless: 2, Stress: true, MaxMessageBytes: 1 << 16}
}

// What is read back must tell which batch it is, and give the same bytes again.
func TestParams_roundTrip(t *testing.T) {
	p := params()
	shapes := map[load.Shape]int{}
	for id := range uint32(5000) {
		b := load.Batch{Owner: int(id) % p.Owners(), N: id/7 + 1, ID: id}
		value := p.Append(nil, b, 0, p.Events(id))
		read, ok := load.ReadBatch(value)
		require.True(t, ok)
		require.Equal(t, b, read)
		parsed, err := batch.Parse(value)
		require.NoError(t, err)
		user, _ := parsed.UserID()
		require.Equal(t, p.User(b.Owner), user)
		require.Equal(t, p.Events(id), parsed.NumEvents())
		require.LessOrEqual(t, parsed.NumEvents(), load.MaxEvents)
		shapes[p.Shape(id)]++
		switch p.Shape(id) {
		case load.Split:
			assert.Greater(t, len(value), p.MaxMessageBytes)
			assert.Less(t, parsed.EventsSize(3, 4), p.MaxMessageBytes)
			first, n := load.FirstEvent(parsed.AppendEvents(nil, 3, 7))
			assert.Equal(t, []int{3, 4}, []int{first, n})
			assert.Equal(t, p.Append(nil, b, 3, 7), parsed.AppendEvents(nil, 3, 7))
		case load.TooLarge:
			assert.Greater(t, parsed.EventsSize(1, 2), p.MaxMessageBytes)
		default:
			assert.Less(t, len(value), 2000)
		}
	}
	assert.Positive(t, shapes[load.Split])
	assert.Positive(t, shapes[load.TooLarge])
}

func TestParams_users(t *testing.T) {
	p := params()
	seen := map[int64]bool{0: true}
	for owner := range p.Users {
		require.False(t, seen[p.User(owner)], "each has one of its own")
		seen[p.User(owner)] = true
	}
	assert.Zero(t, p.User(p.Users), "the keyless ones come behind")
}

func TestReadBatch_foreign(t *testing.T) {
	for _, value := range []string{
		"", "{}", `{"judge":{"owner":1,"n":2`, `{"judge":{"owner":99999999999,"n":2,"id":3}`, `{"judge":{"owner":x,"n":2,"id":3}`,
	} {
		_, ok := load.ReadBatch([]byte(value))
		assert.False(t, ok, value)
		first, n := load.FirstEvent([]byte(value))
		assert.Zero(t, first+n)
	}
}
