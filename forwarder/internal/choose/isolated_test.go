package choose

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsolated(t *testing.T) {
	for name, c := range map[string]struct {
		hash func([]byte, int32) int32
		want int32
		err  string // empty: none
	}{
		"returns":             {func(_ []byte, n int32) int32 { return n - 1 }, 11, ""},
		"panics":              {func([]byte, int32) int32 { panic("secret") }, -1, "choosing a partition: panicked (string)"},
		"ends its goroutine":  {func([]byte, int32) int32 { runtime.Goexit(); return 0 }, -1, "choosing a partition: the function did not return"},
		"chooses none of all": {func([]byte, int32) int32 { return 12 }, -1, "the function chose 12 of 12"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Partition(Isolated(c.hash), []byte("7"), 12)
			assert.Equal(t, c.want, got)
			if c.err == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.err)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
