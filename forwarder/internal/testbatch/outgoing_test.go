package testbatch

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBatches_measures(t *testing.T) {
	for _, b := range Batches(64, 10, 1) {
		members, longest, events := measure(t, b)
		assert.GreaterOrEqual(t, len(b), 9000)
		assert.LessOrEqual(t, len(b), 9600)
		assert.GreaterOrEqual(t, members, 300)
		assert.LessOrEqual(t, longest, 120)
		assert.Equal(t, 10, events)
	}
	for _, n := range []int{1, 100} {
		for _, b := range Batches(4, n, 1) {
			_, longest, events := measure(t, b)
			assert.LessOrEqual(t, longest, 120)
			assert.Equal(t, n, events)
		}
	}
}

func TestBatches_sameSeed(t *testing.T) {
	assert.Equal(t, Batches(3, 10, 7), Batches(3, 10, 7))
	assert.NotEqual(t, Batches(3, 10, 7), Batches(3, 10, 8))
}

// measure counts the members of all objects and finds the longest string.
func measure(t *testing.T, b []byte) (members, longest, events int) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, m := range v {
				members++
				longest = max(longest, len(name))
				walk(m)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case string:
			longest = max(longest, len(v))
		}
	}
	walk(v)
	var batch Batch
	require.NoError(t, json.Unmarshal(b, &batch))
	return members, longest, len(batch.Events)
}

// The structs of the comparison must not lose a member, or the comparison
// would be too kind to them.
func TestBatch_coversAllMembers(t *testing.T) {
	for _, b := range Batches(64, 10, 1) {
		var typed Batch
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&typed))
	}
}
