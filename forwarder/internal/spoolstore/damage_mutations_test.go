package spoolstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

func sortedNames(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

// mutate returns the files of a folder, damaged in a way or two, and says how.
func (f *folderImage) mutate(r *rand.Rand) (files map[string][]byte, what string) {
	files = map[string][]byte{}
	for name, b := range f.files {
		files[name] = slices.Clone(b)
	}
	what = f.mutateOnce(r, files)
	if r.IntN(4) == 0 && len(files) > 0 {
		what += ", " + f.mutateOnce(r, files)
	}
	return files, what
}

func (f *folderImage) mutateOnce(r *rand.Rand, files map[string][]byte) string {
	names := sortedNames(files)
	name := names[r.IntN(len(names))]
	b := files[name]
	used := 1 + bytes.LastIndexFunc(b, func(c rune) bool { return c != 0 })
	if used == 0 {
		used = len(b)
	}
	if len(b) == 0 {
		return "nothing"
	}
	place := func(align int) int { return r.IntN(used) / align * align }
	hole := func(at, size int) string {
		clear(b[at:min(len(b), at+size)])
		return fmt.Sprintf("%d zeros at %d of %s", size, at, name)
	}
	switch r.IntN(15) {
	case 0, 1:
		bits := 1 + r.IntN(8)
		for range bits {
			b[place(1)] ^= 1 << r.IntN(8)
		}
		return fmt.Sprintf("%d bits of %s", bits, name)
	case 2:
		return hole(place(512), 512)
	case 3:
		return hole(place(4096), 4096<<r.IntN(3))
	case 4:
		return hole(place(1), 1+r.IntN(3000))
	case 5:
		at := place(512)
		for i := at; i < min(len(b), at+512); i++ {
			b[i] = byte(r.Uint32())
		}
		return fmt.Sprintf("noise at %d of %s", at, name)
	case 6:
		at := r.IntN(len(b))
		files[name] = b[:at:at]
		return fmt.Sprintf("%s ends at %d", name, at)
	case 7: // where a frame begins
		frame := &f.frames[r.IntN(len(f.frames))]
		for _, name := range names {
			if frame.intact(files[name]) {
				files[name] = files[name][:frame.at:frame.at]
				return fmt.Sprintf("%s ends at frame %d", name, frame.index)
			}
		}
		return "nothing"
	case 8:
		files[name] = nil
		return name + " is empty"
	case 9:
		delete(files, name)
		return "no " + name
	case 10:
		other := names[r.IntN(len(names))]
		files[name], files[other] = files[other], b
		return fmt.Sprintf("%s and %s swapped", name, other)
	case 11:
		return addFile(r, files, b)
	case 12:
		return newerVersion(r, files, name)
	case 13:
		return f.foreignFile(r, files)
	default:
		for i := range b[:min(len(b), titleSpace)] {
			b[i] = byte(r.Uint32())
		}
		return "the title of " + name
	}
}

// addFile adds a file that no store has made, with nothing, zeros, noise or what b has.
func addFile(r *rand.Rand, files map[string][]byte, b []byte) string {
	names := []string{segmentName(90), segmentName(91), damagedPrefix + "00000001", damagedPrefix + "00000095", newTagsName, "segment-x", "notes.txt"}
	name := names[r.IntN(len(names))]
	switch r.IntN(4) {
	case 0:
		files[name] = nil
	case 1:
		files[name] = make([]byte, []int{10, 32 << 10}[r.IntN(2)])
	case 2:
		files[name] = make([]byte, 32<<10)
		for i := range files[name] {
			files[name][i] = byte(r.Uint32())
		}
	default:
		files[name] = slices.Clone(b)
	}
	return fmt.Sprintf("a file %s of %d bytes", name, len(files[name]))
}

// foreignFile puts a file of another folder in the place of one, or beside it.
func (f *folderImage) foreignFile(r *rand.Rand, files map[string][]byte) string {
	names := sortedNames(f.foreign)
	name := names[r.IntN(len(names))]
	as := name
	if strings.HasPrefix(name, segmentPrefix) && r.IntN(2) == 0 {
		as = segmentName(90)
	}
	if f.isForeign(files, strings.HasPrefix(name, segmentPrefix)) { // both together are the other folder, see owner
		return "nothing"
	}
	files[as] = slices.Clone(f.foreign[name])
	return fmt.Sprintf("%s of another folder as %s", name, as)
}

// isForeign reports whether the control file, or any segment, is of another folder.
func (f *folderImage) isForeign(files map[string][]byte, control bool) bool {
	for name, b := range files {
		for other, foreign := range f.foreign {
			if (other == controlName) == control && (name == controlName) == control && bytes.Equal(b, foreign) {
				return true
			}
		}
	}
	return false
}

// newerVersion has a newer program have written a file, or a part of it.
func newerVersion(r *rand.Rand, files map[string][]byte, name string) string {
	b := files[name]
	at := []int{0}
	switch {
	case strings.HasPrefix(name, segmentPrefix):
		at = [][]int{{0}, {titleSize}, {0, titleSize}, {0, titleSize}}[r.IntN(4)]
	case r.IntN(2) == 0:
		at[0] = len(b) / 2
	}
	for _, at := range at {
		if len(b) >= at+12 && b[at] != 0 {
			binary.LittleEndian.PutUint32(b[at+8:], version+1+r.Uint32N(3))
		}
	}
	return fmt.Sprintf("a newer version at %d of %s", at, name)
}

// newer reports whether what tells the version says, in one of these files, that a newer
// program has written it.
func newer(files map[string][]byte) bool {
	says := func(b []byte, at int, magic string, known uint32) bool {
		return len(b) >= at+12 && strings.HasPrefix(string(b[at:]), magic) && binary.LittleEndian.Uint32(b[at+8:]) > known
	}
	for name, b := range files {
		half := len(b) / 2
		switch {
		case strings.HasPrefix(name, segmentPrefix):
			if (says(b, 0, magic, version) || says(b, titleSize, magic, version)) && !knownTitle(b) {
				return true
			}
		case name == controlName && (says(b, 0, controlMagic, plainVersion) || says(b, half, controlMagic, plainVersion)),
			name == tagsName && (says(b, 0, tagsMagic, plainVersion) || says(b, half, tagsMagic, plainVersion)):
			return true
		}
	}
	return false
}

// knownTitle reports whether a copy of a title is intact and of a version that is known.
func knownTitle(b []byte) bool {
	for _, at := range []int{0, titleSize} {
		if len(b) >= titleSpace {
			if _, err := parseTitle(b[at : at+titleSize]); err == nil {
				return true
			}
		}
	}
	return false
}
