package partition

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The algorithms' published check values, and user ids, whose Murmur2 values
// two other implementations agree on.
func TestHashes_knownValues(t *testing.T) {
	for _, c := range []struct {
		name string
		hash func([]byte) uint32
		key  string
		want uint32
	}{
		{"murmur2", murmur2, "", 275646681},
		{"murmur2", murmur2, "21", 3321034988},     // Kafka's UtilsTest: -973932308
		{"murmur2", murmur2, "foobar", 3504634814}, // Kafka's UtilsTest: -790332482
		{"murmur2", murmur2, "abc", 479470107},     // Kafka's UtilsTest
		{"fnv1a", fnv1a, "", 0x811c9dc5},           // FNV's reference vectors
		{"fnv1a", fnv1a, "a", 0xe40c292c},
		{"fnv1a", fnv1a, "foobar", 0xbf9cf968},
	} {
		t.Run(c.name+" "+c.key, func(t *testing.T) {
			assert.Equal(t, c.want, c.hash([]byte(c.key)))
		})
	}
}
