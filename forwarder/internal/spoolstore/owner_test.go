package spoolstore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// leaveFolder has a process leave messages in some segments of a folder.
func leaveFolder(t *testing.T, seed uint64, name string) (*disktest.Disk, []string) {
	t.Helper()
	d := disktest.New(seed)
	s, err := Open(d, small())
	require.NoError(t, err)
	var values []string
	for n := range 100 {
		values = append(values, fmt.Sprintf("%s %d %s", name, n, strings.Repeat("v", 700)))
	}
	store(t, s, values...)
	return crash(t, d, s), values
}

// putFile makes, or replaces, a file of a disk.
func putFile(t *testing.T, d *disktest.Disk, name string, b []byte) {
	t.Helper()
	if d.Bytes(name) != nil {
		require.NoError(t, d.Remove(name))
	}
	f, err := d.Create(name, int64(len(b)))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	copy(d.Bytes(name), b)
	require.NoError(t, d.SyncDir())
}

// A segment of another folder is set aside, and nothing of it is read. What it has taken the
// place of is reported.
func TestOwner_foreignSegment(t *testing.T) {
	other, _ := leaveFolder(t, 2, "foreign")
	for name, as := range map[string]string{"beside": segmentName(90), "instead of one": segmentName(1), "instead of the last": segmentName(3)} {
		t.Run(name, func(t *testing.T) {
			d, values := leaveFolder(t, 1, "own")
			replaced := d.Bytes(as) != nil
			foreign := other.Bytes(segmentName(2))
			putFile(t, d, as, foreign)
			s := open(t, d, small())
			got := pending(t, s)
			damage := s.Damage()
			assert.False(t, s.AllDoubtful())
			assert.Contains(t, damage, Damage{File: as, Offset: -1})
			assert.Equal(t, foreign, d.Bytes(damagedPrefix+strings.TrimPrefix(as, segmentPrefix)), "it is kept")
			if !replaced {
				assert.Equal(t, values, got)
				assert.Len(t, damage, 1)
				return
			}
			assert.Less(t, len(got), len(values))
			for _, v := range got {
				assert.Contains(t, values, v)
			}
			assert.True(t, slices.ContainsFunc(damage, func(d Damage) bool { return d.File == missingSegment }), "%v", damage)
		})
	}
}

// A control file of another folder does not say what was sent here.
func TestOwner_foreignControlFile(t *testing.T) {
	other, _ := leaveFolder(t, 2, "foreign")
	d, values := leaveFolder(t, 1, "own")
	foreign := other.Bytes(controlName)
	putFile(t, d, controlName, foreign)
	s := open(t, d, small())
	assert.Equal(t, values, pending(t, s))
	assert.True(t, s.AllDoubtful())
	assert.Equal(t, []Damage{{File: controlName, Offset: -1}}, s.Damage())
	assert.Equal(t, foreign, d.Bytes(damagedPrefix+controlName), "it is kept")
	stop(t, s)
	s = open(t, d, small())
	assert.False(t, s.AllDoubtful())
	assert.Empty(t, s.Damage())
	assert.Equal(t, values, pending(t, s))
}

// A folder whose control file is lost stays the same folder.
func TestOwner_lostControlFile(t *testing.T) {
	d, values := leaveFolder(t, 1, "own")
	require.NoError(t, d.Remove(controlName))
	for _, damaged := range []int{1, 0} {
		s := open(t, d, small())
		assert.Equal(t, values, pending(t, s))
		assert.Len(t, s.Damage(), damaged)
		stop(t, s)
	}
}

// Titles that older programs have written name no folder, and count.
func TestOwner_unknown(t *testing.T) {
	d, values := leaveFolder(t, 1, "own")
	names, err := d.List()
	require.NoError(t, err)
	for _, name := range names {
		if b := d.Bytes(name); strings.HasPrefix(name, segmentPrefix) && knownTitle(b) {
			title, err := parseTitle(b[:titleSize])
			require.NoError(t, err)
			require.NotZero(t, title.folder)
			cutOwner(b[:titleSize])
			copy(b[titleSize:], b[:titleSize])
			title, err = parseTitle(b[:titleSize])
			require.NoError(t, err)
			require.Zero(t, title.folder)
		}
	}
	s := open(t, d, small())
	assert.Equal(t, values, pending(t, s))
	assert.Empty(t, s.Damage())
	values = append(values, "one more")
	store(t, s, "one more")
	stop(t, s)
	s = open(t, d, small())
	assert.Equal(t, values, pending(t, s))
	assert.Empty(t, s.Damage())
}

// cutOwner makes a title one that ends before the folder.
func cutOwner(b []byte) {
	length := binary.LittleEndian.Uint32(b[12:]) - uint32(len(folderID{}))
	body := b[20 : 20+length]
	clear(b[20+length:])
	binary.LittleEndian.PutUint32(b[12:], length)
	binary.LittleEndian.PutUint32(b[16:], checksum(body))
}
