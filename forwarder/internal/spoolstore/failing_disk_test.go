package spoolstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

var errDisk = errors.New("input/output error")

// Every operation of a disk fails once, or from then on a few times, whether the store
// has started or not: what was confirmed is there, what was called not stored is not,
// a start that fails leaves everything to the next one, and the store goes on by itself.
func TestDamage_failingDisk(t *testing.T) {
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	folder, _ := folderWithGroup(t)
	for _, cause := range []error{errDisk, syscall.ENOSPC} {
		for _, repeat := range []int64{1, 8} {
			t.Run(fmt.Sprintf("%v %d times", cause, repeat), func(t *testing.T) {
				t.Parallel()
				refused := 0
				at, reached := int64(0), true
				for ; reached; at += step {
					f := failure{cause: cause, at: at, repeat: repeat}
					f.run(t, folder)
					if f.refused {
						refused++
					}
					reached = f.ops.Load() > at
				}
				t.Logf("failures from each of %d operations on, every %dth; %d of them ended a start", at, step, refused)
				require.Positive(t, refused, "starts that fail")
			})
		}
	}
}

// A failure is that of some operations of a disk.
type failure struct {
	cause      error
	at, repeat int64

	ops     atomic.Int64
	refused bool // the start has failed
}

func (f *failure) before(disktest.Op) error {
	if n := f.ops.Add(1); n > f.at && n <= f.at+f.repeat {
		return f.cause
	}
	return nil
}

// run has a store work on what a former process has left.
func (f *failure) run(t *testing.T, folder *folderImage) {
	t.Helper()
	d := folder.disk(t, folder.files)
	var want, never []string
	for _, m := range folder.frames {
		want = append(want, m.value)
	}
	maybe := map[string]bool{}
	check := func(got []string) {
		rest := slices.DeleteFunc(slices.Clone(got), func(v string) bool { return maybe[v] })
		require.True(t, slices.Equal(want, rest), "%v at %d x %d: %d confirmed, %d there", f.cause, f.at, f.repeat, len(want), len(rest))
		for _, v := range never {
			require.NotContains(t, got, v)
		}
	}
	d.Before = f.before
	s, err := Open(d, small())
	for err != nil { // one start after the other
		f.refused = true
		require.ErrorIs(t, err, f.cause)
		require.Zero(t, d.OpenFiles())
		s, err = Open(d, small())
	}
	check(pending(t, s))
	for i := range 40 {
		value := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1500))
		ticket, err := s.Add(t.Context(), entry(value))
		require.NoError(t, err)
		err = ticket.Wait(t.Context())
		var no *NotStoredError
		var unknown *UnknownError
		switch {
		case err == nil:
			want = append(want, value)
		case errors.As(err, &no):
			never = append(never, value)
		default:
			require.ErrorAs(t, err, &unknown)
			maybe[value] = true
		}
		if err == nil && i%3 == 0 {
			s.Done([]Range{{ticket.First, ticket.First + 1}}, nil, End{})
			require.NoError(t, s.Intend([]Intent{{Partition: Partition{ID: 1}, Messages: []Range{{ticket.First, ticket.First + 1}}}}))
			want = want[:len(want)-1]
		}
	}
	check(pending(t, s))
	d = crash(t, d, s)
	s, err = Open(d, small())
	require.NoError(t, err)
	check(pending(t, s))
	require.Empty(t, s.Damage(), "%v at %d x %d", f.cause, f.at, f.repeat)
	stop(t, s)
}
