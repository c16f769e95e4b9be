package happyeyeballs

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An attempt is how one of them goes: when it ends, counted from its beginning.
type attempt struct {
	after time.Duration
	err   error
}

func TestFirst(t *testing.T) {
	refused, reset := errors.New("refused"), errors.New("reset")
	for name, c := range map[string]struct {
		attempts []attempt
		want     int
		after    time.Duration
		begun    int
	}{
		"the first is quick":      {[]attempt{{time.Millisecond, nil}, {0, nil}}, 0, time.Millisecond, 1},
		"the first says nothing":  {[]attempt{{time.Hour, refused}, {time.Millisecond, nil}}, 1, Stagger + time.Millisecond, 2},
		"two say nothing":         {[]attempt{{time.Hour, nil}, {time.Hour, nil}, {0, nil}}, 2, 2 * Stagger, 3},
		"the first fails":         {[]attempt{{time.Millisecond, refused}, {time.Millisecond, nil}}, 1, 2 * time.Millisecond, 2},
		"the first is slow":       {[]attempt{{Stagger + time.Second, nil}, {time.Hour, nil}}, 0, Stagger + time.Second, 2},
		"a failure restarts time": {[]attempt{{Stagger / 2, refused}, {time.Hour, nil}, {0, nil}}, 2, Stagger/2 + Stagger, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var group sync.WaitGroup
				var begun atomic.Int32
				start := time.Now()
				got, err := First(&group, len(c.attempts), func(i int) (int, error) {
					begun.Add(1)
					<-time.After(c.attempts[i].after)
					return i, c.attempts[i].err
				}, func(int) {})
				require.NoError(t, err)
				assert.Equal(t, c.want, got)
				assert.Equal(t, c.after, time.Since(start))
				assert.EqualValues(t, c.begun, begun.Load())
				group.Wait()
			})
		})
	}
	t.Run("all fail", func(t *testing.T) {
		var group sync.WaitGroup
		_, err := First(&group, 2, func(i int) (int, error) { return 0, []error{refused, reset}[i] }, func(int) {})
		assert.EqualError(t, err, "refused; reset")
		assert.ErrorIs(t, err, refused)
		assert.ErrorIs(t, err, reset)
	})
}

// What comes too late is cleared away.
func TestFirst_surplus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group sync.WaitGroup
		var late []int
		got, err := First(&group, 2, func(i int) (int, error) {
			<-time.After(time.Duration(2-i) * Stagger)
			return i, nil
		}, func(i int) { late = append(late, i) })
		require.NoError(t, err)
		group.Wait()
		assert.Equal(t, []int{1 - got}, late)
	})
}
