package choose

import (
	"errors"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/partition"
)

func TestPartition(t *testing.T) {
	for name, c := range map[string]struct {
		hash partition.Func
		want int32
		err  string // empty: none
	}{
		"Murmur2":  {partition.Murmur2, partition.Murmur2([]byte("7"), 12), ""},
		"none":     {nil, partition.Murmur2([]byte("7"), 12), ""},
		"first":    {func([]byte, int32) int32 { return 0 }, 0, ""},
		"last":     {func(_ []byte, n int32) int32 { return n - 1 }, 11, ""},
		"too high": {func(_ []byte, n int32) int32 { return n }, -1, "the function chose 12 of 12"},
		"negative": {func([]byte, int32) int32 { return -2 }, -1, "the function chose -2 of 12"},
		"panics":   {func([]byte, int32) int32 { panic("secret") }, -1, "choosing a partition: panicked (string)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Partition(c.hash, []byte("7"), 12)
			assert.Equal(t, c.want, got)
			if c.err == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.err)
			assert.NotContains(t, err.Error(), "secret")
			assert.Equal(t, name != "panics", errors.Is(err, sarama.ErrInvalidPartition))
		})
	}
}
