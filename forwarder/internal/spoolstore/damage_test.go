package spoolstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// filled returns a disk that a process has left with the values stored.
func filled(t *testing.T, seed uint64, values []string) *disktest.Disk {
	t.Helper()
	d := disktest.New(seed)
	s, err := Open(d, small())
	require.NoError(t, err)
	store(t, s, values...)
	return crash(t, d, s)
}

func segmentFiles(t *testing.T, d *disktest.Disk) (names []string) {
	t.Helper()
	all, err := d.List()
	require.NoError(t, err)
	for _, name := range all {
		if strings.HasPrefix(name, segmentPrefix) {
			names = append(names, name)
		}
	}
	return names
}

// The last group is torn at each of its bytes: what was synced before it is
// there, nothing of it that is not whole, and nothing is called damaged.
func TestDamage_tornTail(t *testing.T) {
	values := numbered(0, 5)
	d := filled(t, 1, values)
	name := segmentFiles(t, d)[0]
	image := d.Bytes(name)
	size := frameSize(len(appendEntry(nil, entry(values[4]))))
	start := titleSpace + 4*size
	require.NotZero(t, image[start], "the last frame begins there")
	for last := start; last < start+size; last++ {
		d := filled(t, 1, values)
		b := d.Bytes(name)
		clear(b[last:])
		s, err := Open(d, small())
		require.NoError(t, err)
		got := pending(t, s)
		assert.GreaterOrEqual(t, len(got), 4, "torn at %d", last)
		assert.Equal(t, values[:len(got)], got)
		assert.Empty(t, s.Damage())
		store(t, s, "next")
		assert.Equal(t, append(slices.Clone(got), "next"), pending(t, s))
		next := crash(t, d, s)
		s = open(t, next, small())
		assert.Equal(t, append(got, "next"), pending(t, s), "torn at %d, and another start", last)
	}
}

// Whatever happens to a folder: no panic, no wrong bytes, every message whose
// frame is intact is there, and what is not there is reported.
func TestDamage_mutatedFolders(t *testing.T) {
	folders := 10_000
	if testing.Short() {
		folders = 1000
	}
	var values []string
	for i := range 60 {
		values = append(values, fmt.Sprintf("value %d %s", i, strings.Repeat("x", 20*i)))
	}
	known := map[string]bool{}
	for _, v := range values {
		known[v] = true
	}
	lost := 0
	for seed := range uint64(folders) {
		r := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // repeatable
		d := filled(t, seed, values)
		what := mutate(t, d, r)
		s, err := Open(d, small())
		if err != nil {
			continue // refused as a whole, with an error
		}
		got := pending(t, s)
		assert.True(t, slices.IsSorted(indexes(values, got)), "seed %d, %s: order", seed, what)
		for _, v := range got {
			require.True(t, known[v], "seed %d, %s: a value that was never stored", seed, what)
		}
		if len(got) < len(values) {
			lost++
			torn := strings.HasPrefix(what, "tail") || len(s.Damage()) > 0 || slices.Equal(got, values[:len(got)])
			assert.True(t, torn, "seed %d, %s: %d of %d, and nothing is reported", seed, what, len(got), len(values))
		}
		stop(t, s)
	}
	assert.Positive(t, lost)
}

func indexes(all, some []string) (list []int) {
	for _, v := range some {
		list = append(list, slices.Index(all, v))
	}
	return list
}

// mutate damages a folder in some way.
func mutate(t *testing.T, d *disktest.Disk, r *rand.Rand) string {
	t.Helper()
	names, err := d.List()
	require.NoError(t, err)
	name := names[r.IntN(len(names))]
	b := d.Bytes(name)
	switch what := r.IntN(8); what {
	case 0, 1:
		for range 1 + r.IntN(3) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return "bits of " + name
	case 2, 3:
		at := r.IntN(len(b)) &^ 511
		clear(b[at:min(len(b), at+512)])
		return "page of " + name
	case 4:
		require.NoError(t, d.Remove(name))
		return "no " + name
	case 5:
		other := d.Bytes(names[r.IntN(len(names))])
		n := copy(b, slices.Clone(other))
		copy(other, b[:n])
		return "swapped " + name
	case 6:
		f, err := d.Create(segmentName(90), 10)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return "extra segment"
	default:
		for i := range b[:min(len(b), titleSpace)] {
			b[i] = byte(r.Uint32())
		}
		return "title of " + name
	}
}

var errDisk = errors.New("input/output error")

// Every write and sync fails once, or from then on a few times: what was
// confirmed is there, what was called not stored is not, and the store goes on
// by itself.
func TestDamage_failingDisk(t *testing.T) {
	step := int64(2)
	if testing.Short() {
		step = 7
	}
	for _, cause := range []error{errDisk, syscall.ENOSPC} {
		for _, repeat := range []int64{1, 8} {
			for at := int64(0); at < 120; at += step {
				t.Run(fmt.Sprintf("%v %d times from %d", cause, repeat, at), func(t *testing.T) {
					t.Parallel()
					failAt(t, cause, at, repeat)
				})
			}
		}
	}
}

// A title whose write has failed after a part of it is no damage, and neither has
// what a page of zeros has taken.
func TestDamage_halfATitle(t *testing.T) {
	whole := (&title{kind: logSegment, seq: 3, first: 9, ends: []segmentEnd{{1, 2, 9}}}).bytes()
	part, frame := whole[:24], []byte{1}
	for name, c := range map[string]struct {
		writes map[int64][]byte
		want   error
	}{
		"nothing":             {nil, errSpare},
		"an old frame":        {map[int64][]byte{titleSpace + 3: frame}, errSpare},
		"a part":              {map[int64][]byte{0: part}, errSpare},
		"a part and a frame":  {map[int64][]byte{0: part, titleSpace + 3: frame}, errNoTitle},
		"part of the second":  {map[int64][]byte{titleSize: part}, errNoTitle},
		"the first copy":      {map[int64][]byte{0: whole[:titleSize]}, nil},
		"the second copy":     {map[int64][]byte{titleSize: whole[titleSize:]}, nil},
		"a part, then second": {map[int64][]byte{0: part, titleSize: whole[titleSize:]}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := disktest.New(1).Create("segment", 2*titleSpace)
			require.NoError(t, err)
			for at, b := range c.writes {
				_, err = f.WriteAt(b, at)
				require.NoError(t, err)
			}
			got, err := readTitle(f)
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				assert.Equal(t, uint64(9), got.first)
			}
		})
	}
}

func failAt(t *testing.T, cause error, at, repeat int64) {
	t.Helper()
	d := disktest.New(uint64(at)) //nolint:gosec // a seed
	var ops atomic.Int64
	var armed atomic.Bool
	d.Before = func(disktest.Op) error {
		if !armed.Load() {
			return nil
		}
		if n := ops.Add(1); n > at && n <= at+repeat {
			return cause
		}
		return nil
	}
	s, err := Open(d, small())
	require.NoError(t, err)
	armed.Store(true)
	var want, never []string
	maybe := map[string]bool{}
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
	check := func(got []string) {
		rest := slices.DeleteFunc(slices.Clone(got), func(v string) bool { return maybe[v] })
		require.True(t, slices.Equal(want, rest), "%v at %d x %d: %d confirmed, %d there", cause, at, repeat, len(want), len(rest))
		for _, v := range never {
			require.NotContains(t, got, v)
		}
	}
	check(pending(t, s))
	s = open(t, crash(t, d, s), small())
	check(pending(t, s))
	require.Empty(t, s.Damage())
	stop(t, s)
}
