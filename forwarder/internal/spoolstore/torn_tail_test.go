package spoolstore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
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

// A last group of several frames has a hole, of one byte or of what a sector has of it,
// anywhere: what was synced before is there, and of the group what stands before the
// hole. Nothing behind it counts, however intact, at the next start either.
func TestDamage_holeInTheLastGroup(t *testing.T) {
	f, group := folderWithGroup(t)
	first, last := group[0], group[len(group)-1]
	start, end := first.at, last.at+int64(len(last.bytes))
	holes := map[Range]bool{}
	step := int64(1)
	if testing.Short() {
		step = 13
	}
	for at := start; at < end; at += step {
		holes[Range{uint64(at), uint64(at + 1)}] = true //nolint:gosec // an offset
		sectorAt := at / sector * sector
		holes[Range{uint64(max(start, sectorAt)), uint64(min(end, sectorAt+sector))}] = true //nolint:gosec // an offset
	}
	cut := map[int]int{}
	for hole := range holes {
		files := maps.Clone(f.files)
		name := f.nameOf(t, first.segment)
		b := slices.Clone(files[name])
		files[name] = b
		for i := hole.First; i < hole.Next; i++ {
			if b[i] = 0; hole.Len() == 1 {
				b[i] = ^f.files[name][i]
			}
		}
		want := []numberedValue{}
		for i := range f.frames {
			m := &f.frames[i]
			if m.intact(b) {
				want = append(want, numberedValue{m.number, m.value})
				continue
			}
			if m.segment == first.segment {
				break
			}
		}
		cut[len(want)]++
		d := f.disk(t, files)
		s, err := Open(d, small())
		require.NoError(t, err)
		got, err := delivered(s)
		require.NoError(t, err)
		require.Equal(t, want, got, "a hole at %v", hole)
		require.Empty(t, s.Damage(), "a hole at %v", hole)
		next := store(t, s, "next")
		d = crash(t, d, s)
		s, err = Open(d, small())
		require.NoError(t, err)
		got, err = delivered(s)
		require.NoError(t, err)
		require.Equal(t, append(want, numberedValue{next, "next"}), got, "a hole at %v, and another start", hole)
		require.Empty(t, s.Damage())
		stop(t, s)
	}
	for i := range group { // and those in the padding behind the last
		require.Positive(t, cut[len(f.frames)-len(group)+i], "holes that leave %d frames of the group", i)
	}
}

// folderWithGroup has a process leave groups of one frame, and a last one of several:
// shorter than a sector, and longer.
func folderWithGroup(t *testing.T) (f *folderImage, group []imageFrame) {
	t.Helper()
	var hold holder
	d := disktest.New(1)
	d.Before = hold.before
	s, err := Open(d, small())
	require.NoError(t, err)
	store(t, s, numbered(0, 4)...)
	var entries []*Entry
	for i, length := range []int{10, 700, 0, 300, 1100} {
		entries = append(entries, entry(fmt.Sprintf("of the group %d %s", i, strings.Repeat("x", length))))
	}
	hold.storeTogether(t, s, entry("alone"), entries...)
	f = readFolder(t, crash(t, d, s), small())
	group = f.frames[len(f.frames)-len(entries):]
	for _, m := range group {
		require.Equal(t, group[0].index, m.synced, "one group")
	}
	return f, group
}

// nameOf returns the name of the file that has a segment.
func (f *folderImage) nameOf(t *testing.T, seq uint64) string {
	t.Helper()
	for name, b := range f.files {
		if strings.HasPrefix(name, segmentPrefix) && bytes.HasPrefix(b, f.titles[seq]) {
			return name
		}
	}
	require.Fail(t, "no file has the segment")
	return ""
}
