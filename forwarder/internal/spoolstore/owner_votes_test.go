package spoolstore

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// leaveOne has a process leave one message in a folder with one segment.
func leaveOne(t *testing.T, seed uint64, value string) *disktest.Disk {
	t.Helper()
	d := disktest.New(seed)
	s, err := Open(d, small())
	if err != nil {
		t.Fatal(err)
	}
	store(t, s, value)
	return crash(t, d, s)
}

// A folder has few segments while little lies in it. However many files of another folder come,
// its control file and a segment that agree are stronger.
func TestOwner_moreForeignSegments(t *testing.T) {
	other, _ := leaveFolder(t, 2, "foreign")
	d := leaveOne(t, 1, "own")
	for n := range uint64(3) {
		putFile(t, d, segmentName(90+n), other.Bytes(segmentName(1+n)))
	}
	s := open(t, d, small())
	assert.Equal(t, []string{"own"}, pending(t, s))
	assert.False(t, s.AllDoubtful())
	assert.Len(t, s.Damage(), 3)
}

// What of a folder was copied over another one, with the control file, is that folder: what is
// left of the other one is set aside, and not sent with it.
func TestOwner_copiedOver(t *testing.T) {
	d, _ := leaveFolder(t, 1, "former")
	other := leaveOne(t, 2, "copied")
	for _, name := range []string{controlName, tagsName, segmentName(1)} {
		putFile(t, d, name, other.Bytes(name))
	}
	s := open(t, d, small())
	assert.Equal(t, []string{"copied"}, pending(t, s))
	assert.False(t, s.AllDoubtful())
	assert.NotEmpty(t, s.Damage())
}
