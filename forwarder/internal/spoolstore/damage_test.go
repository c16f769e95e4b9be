package spoolstore

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// Whatever happens to a folder: no panic, no wrong bytes, every message whose
// frame is intact is there, and what is not there is reported.
func TestDamage_mutatedFolders(t *testing.T) {
	t.Parallel()
	folders := 10_000
	if testing.Short() {
		folders = 1000
	}
	f := leftFolder(t)
	f.requireRich(t)
	refused, incomplete := 0, 0
	for seed := range uint64(folders) {
		files, what := f.mutate(rand.New(rand.NewPCG(seed, 3))) //nolint:gosec // repeatable
		reader := &damagedReader{folderImage: f, files: files, open: openDamaged}
		reader.check(t, what)
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, what)
		}
		if reader.refused {
			refused++
		}
		if reader.missing > 0 {
			incomplete++
		}
	}
	t.Logf("%d folders: %d are of a newer version, of %d a message is missing", folders, refused, incomplete)
	assert.Positive(t, refused)
	assert.Less(t, refused, folders/10, "only those of a newer version are refused")
	assert.Greater(t, incomplete, folders/10)
}

// A start that is broken must be noticed.
func TestDamage_noticesBrokenStarts(t *testing.T) {
	f := leftFolder(t)
	for name, broken := range map[string]struct {
		open func(disk.FS) (*Store, error)
		says string
	}{
		"drops what is behind the first damage": {func(fs disk.FS) (*Store, error) {
			return openWith(fs, folderOptions(), func(*segment, *scanner) (int, error) { return 0, nil })
		}, intactAndNotThere},
		"refuses what is damaged": {func(fs disk.FS) (*Store, error) {
			s, err := openDamaged(fs)
			if err == nil && len(s.Damage()) > 0 {
				return nil, errors.Join(s.Damage()[0], s.Close(t.Context()))
			}
			return s, err
		}, notOpened},
		"takes what is of another folder": {func(fs disk.FS) (*Store, error) {
			return openDamaged(forgetOwners{fs})
		}, notStored},
		"reports nothing": {func(fs disk.FS) (*Store, error) {
			s, err := openDamaged(fs)
			if err == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.damage = nil
			}
			return s, err
		}, notReported},
	} {
		t.Run(name, func(t *testing.T) {
			const seeds = 1000
			for seed := range uint64(seeds) {
				files, what := f.mutate(rand.New(rand.NewPCG(seed, 3))) //nolint:gosec // repeatable
				v := &verdict{}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					(&damagedReader{folderImage: f, files: files, open: broken.open}).check(v, what)
				}()
				<-ended
				if said := v.said.Load(); said != nil {
					assert.Contains(t, *said, broken.says)
					return
				}
			}
			t.Errorf("%d folders, and nothing was noticed", seeds)
		})
	}
}

// forgetOwners is a disk whose segments do not say of which folder they are.
type forgetOwners struct{ disk.FS }

type forgetOwner struct{ disk.File }

func (d forgetOwners) Open(name string) (disk.File, error) {
	f, err := d.FS.Open(name)
	if err == nil && strings.HasPrefix(name, segmentPrefix) {
		f = forgetOwner{f}
	}
	return f, err
}

func (f forgetOwner) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	if at == 0 && n >= titleSpace {
		for _, b := range [][]byte{b[:titleSize], b[titleSize:titleSpace]} {
			if title, err := parseTitle(b); err == nil {
				title.folder = folderID{}
				copy(b, title.bytes()[:titleSize])
			}
		}
	}
	return n, err
}

func openDamaged(fs disk.FS) (*Store, error) { return Open(fs, folderOptions()) }

// requireRich requires that the folder has all that can be damaged.
func (f *folderImage) requireRich(t *testing.T) {
	t.Helper()
	kinds := map[byte]int{}
	for _, b := range f.titles {
		title, err := parseTitle(append(slices.Clone(b), make([]byte, titleSize)...))
		require.NoError(t, err)
		kinds[title.kind]++
	}
	require.GreaterOrEqual(t, kinds[logSegment], 3)
	require.GreaterOrEqual(t, kinds[mergeSegment], 1)
	tail := slices.Collect(func(yield func(imageFrame) bool) {
		for _, frame := range f.frames {
			if frame.segment == f.last && !yield(frame) {
				return
			}
		}
	})
	last := tail[len(tail)-1]
	require.Positive(t, last.synced, "there are groups before the last one")
	require.Equal(t, 6, len(tail)-last.synced, "frames of the last group")
	require.Len(t, f.intents, 2)
	require.Greater(t, len(f.control.blocks), 2)
	require.True(t, slices.ContainsFunc(f.frames, func(m imageFrame) bool { return m.done && m.id != "" }))
}

// A damagedReader reads a damaged folder and compares.
type damagedReader struct {
	*folderImage
	files map[string][]byte
	open  func(disk.FS) (*Store, error)

	refused bool
	missing int
}

func (r *damagedReader) check(t require.TestingT, what string) {
	d := r.disk(t, r.files)
	s, err := r.open(d)
	if version := (*VersionError)(nil); errors.As(err, &version) {
		r.refused = true
		require.True(t, newer(r.files), "%s: refused for its version", what)
		require.Zero(t, d.OpenFiles())
		return
	}
	require.NoError(t, err, "%s: "+notOpened, what)
	defer func() { _ = s.Close(ended()) }()
	list := r.read(t, s, what)
	require.NoError(t, s.Close(context.Background()), what)
	require.Zero(t, d.OpenFiles(), what)

	s, err = r.open(d) // what is there stays there
	require.NoError(t, err, what)
	defer func() { _ = s.Close(ended()) }()
	again, err := delivered(s)
	require.NoError(t, err, what)
	require.Equal(t, list, again, "%s: at the next start", what)
	for _, m := range list {
		s.Done([]Range{{m.number, m.number + 1}}, nil, End{})
	}
	require.Zero(t, s.Stats().Messages, "%s: all are done", what)
}

// read reads everything, and requires that it is right.
func (r *damagedReader) read(t require.TestingT, s *Store, what string) []numberedValue {
	list, err := delivered(s)
	require.NoError(t, err, what)
	damage := s.Damage()
	require.True(t, slices.IsSortedFunc(list, func(a, b numberedValue) int { return int(a.number) - int(b.number) }), "%s: order", what) //nolint:gosec // small
	got := map[uint64]string{}
	for _, m := range list {
		require.NotContains(t, got, m.number, "%s: a double", what)
		got[m.number] = m.value
	}
	position := int64(-1)
	lost := map[string]int{} // by file
	for i := range r.frames {
		m := &r.frames[i]
		value, there := got[m.number]
		delete(got, m.number)
		if there {
			require.True(t, value == m.value, "%s: message %d "+notStored, what, m.number)
			if m.id != "" {
				known, _ := s.KnownID(m.id, m.digest)
				require.True(t, known, "%s: the id of message %d", what, m.number)
				position = m.offset
			}
		}
		switch {
		case there && m.done:
			require.True(t, r.mayForget(damage), "%s: message %d is done, and that this is forgotten is "+notReported+": %v", what, m.number, damage)
		case !there && !m.done:
			r.missing++
			name, holder := r.holds(r.files, m.segment)
			if r.behindGap(m, holder) {
				continue
			}
			require.False(t, m.intact(holder), "%s: message %d "+intactAndNotThere+": %v", what, m.number, damage)
			if holder != nil || !r.wholeReported(m, damage) {
				lost[name]++
			}
		}
	}
	for name, messages := range lost {
		for _, d := range damage {
			if d.File == name || d.File == missingSegment {
				messages -= d.Messages
			}
		}
		require.LessOrEqual(t, messages, 0, "%s: %q has lost messages that are "+notReported+": %v", what, name, damage)
	}
	require.Empty(t, got, "%s: a message "+notStored, what)
	if position >= 0 {
		stored, ok := s.Position(imageSource)
		require.True(t, ok, what)
		require.GreaterOrEqual(t, stored, position, what)
	}
	if !r.mayForget(damage) {
		require.ElementsMatch(t, r.intents, s.OpenIntents(), what)
	}
	return list
}

// behindGap reports whether a frame is, in the last segment, at or behind the first gap
// in the group that no intact frame calls synced: it is as if it was never written.
func (r *damagedReader) behindGap(m *imageFrame, holder []byte) bool {
	if holder == nil || m.segment != r.lastThere() {
		return false
	}
	synced := 0
	for i := range r.frames {
		if o := &r.frames[i]; o.segment == m.segment && o.intact(holder) {
			synced = max(synced, o.synced)
		}
	}
	for i := range r.frames {
		if o := &r.frames[i]; o.segment == m.segment && o.index >= synced && o.index <= m.index && !o.intact(holder) {
			return true
		}
	}
	return false
}

// lastThere returns the sequence number of the segment whose end nothing else tells.
func (r *damagedReader) lastThere() (last uint64) {
	if _, b := r.holds(r.files, r.last); b != nil || bytes.Equal(r.files[controlName], r.folderImage.files[controlName]) {
		return r.last // the control file says how the others end
	}
	for seq := range r.titles {
		if _, b := r.holds(r.files, seq); b != nil {
			last = max(last, seq)
		}
	}
	return last
}

// wholeReported reports whether damage tells that the file that a message was in is
// missing or damaged as a whole.
func (r *damagedReader) wholeReported(m *imageFrame, damage []Damage) bool {
	return slices.ContainsFunc(damage, func(d Damage) bool {
		if d.Offset >= 0 || d.Messages > 0 {
			return false
		}
		if d.File == missingSegment || d.File == controlName { // it is not known what the last segments held
			return m.segment == r.last || m.segment > r.lastThere()
		}
		return strings.HasPrefix(d.File, segmentPrefix)
	})
}

// What the check says.
const (
	intactAndNotThere = "is intact, and not there"
	notReported       = "not reported"
	notStored         = "was not stored so"
	notOpened         = "the folder does not open"
)

// mayForget reports whether it is known, or cannot be, that the control file is not the
// one that was left: blocks are gone of which no intact one follows, as if they had
// never been written.
func (r *damagedReader) mayForget(damage []Damage) bool {
	if slices.ContainsFunc(damage, func(d Damage) bool { return d.File == controlName }) {
		return true
	}
	was, is := r.folderImage.files[controlName], r.files[controlName]
	same := func(block Range) bool {
		from, to := r.control.base+int64(block.First), r.control.base+int64(block.Next) //nolint:gosec // offsets
		return int64(len(is)) >= to && bytes.Equal(was[from:to], is[from:to])
	}
	blocks := r.control.blocks
	gone := slices.IndexFunc(blocks, func(b Range) bool { return !same(b) })
	return same(Range{0, headSize}) && gone > 0 && !slices.ContainsFunc(blocks[gone:], same)
}
