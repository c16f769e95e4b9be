package spoolstore

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"time"
)

// A tag is the caller's id of an entry and the place that it was read from, as
// hashes, so that all take the same room.
type tag struct {
	id     nameHash // zero: none
	digest [32]byte
	at     int64 // when the entry was accepted, in milliseconds

	file    nameHash // zero: none
	offset  int64
	reading int64
}

type nameHash [sha256.Size]byte

func hashName(name string) nameHash {
	if name == "" {
		return nameHash{}
	}
	return sha256.Sum256([]byte(name))
}

func (e *Entry) tagged() bool { return e.ID != "" || e.Source.File != "" }

func (e *Entry) tag() tag {
	return tag{
		id: hashName(e.ID), digest: e.Digest, at: e.Accepted.UnixMilli(),
		file: hashName(e.Source.File), offset: e.Source.Offset, reading: e.Source.Reading,
	}
}

// knownFor is how long the id of a stored entry is known.
const knownFor = time.Hour

// A tagTable knows the ids of the newest entries, and of each file the position that
// was stored last.
type tagTable struct {
	limit int

	ids    []knownID // the oldest first
	first  uint64    // serial number of ids[0]; 0 is none
	newest map[nameHash]uint64
	bodies map[idAndDigest]uint64 // newest of each, of ids that have come with several digests

	positions map[nameHash]int64
	failed    map[nameHash]int64 // by file, the highest reading of which an entry was not stored

	// What the file of tags has: ids below a serial number, positions but for the
	// changed ones, and so all of the messages below upTo.
	kept    uint64
	changed map[nameHash]struct{}
	upTo    uint64
}

type knownID struct {
	id     nameHash
	digest [32]byte
	at     int64
	other  uint64 // serial number of the newest one before with the same id and another digest, which may be forgotten
}

type idAndDigest struct {
	id     nameHash
	digest [32]byte
}

func newTagTable(limit int) *tagTable {
	return &tagTable{
		limit: limit, first: 1, kept: 1,
		newest: map[nameHash]uint64{}, bodies: map[idAndDigest]uint64{}, positions: map[nameHash]int64{}, failed: map[nameHash]int64{}, changed: map[nameHash]struct{}{},
	}
}

// add notes the tag of an entry that is stored. Entries come in the order of
// their numbers.
func (t *tagTable) add(g tag) {
	if g.id != (nameHash{}) {
		t.addID(g.id, g.digest, g.at)
	}
	if g.file != (nameHash{}) {
		t.positions[g.file] = g.offset
		t.changed[g.file] = struct{}{}
	}
}

func (t *tagTable) addID(id nameHash, digest [32]byte, at int64) {
	serial := t.first + uint64(len(t.ids))
	k := knownID{id: id, digest: digest, at: at}
	if before := t.newest[id]; before >= t.first {
		last := &t.ids[before-t.first]
		k.other = last.other
		if last.digest != digest {
			k.other = before
			t.bodies[idAndDigest{id, last.digest}] = before
		}
		if k.other != 0 {
			t.bodies[idAndDigest{id, digest}] = serial
		}
	}
	t.ids = append(t.ids, k)
	t.newest[id] = serial
	for len(t.ids) > t.limit {
		oldest := &t.ids[0]
		if t.newest[oldest.id] == t.first {
			delete(t.newest, oldest.id)
		}
		if body := (idAndDigest{oldest.id, oldest.digest}); t.bodies[body] == t.first {
			delete(t.bodies, body)
		}
		t.ids = t.ids[1:]
		t.first++
	}
}

// find reports whether an entry with this id and digest is known, and whether
// one with the id and another digest is. It looks at three entries at most, however
// many there are of the id.
func (t *tagTable) find(id nameHash, digest [32]byte, now int64) (same, other bool) {
	known := func(serial uint64) bool {
		return serial >= t.first && now-t.ids[serial-t.first].at <= knownFor.Milliseconds()
	}
	newest := t.newest[id]
	if newest < t.first {
		return false, false
	}
	if k := &t.ids[newest-t.first]; k.digest == digest {
		return known(newest), known(k.other)
	}
	return known(t.bodies[idAndDigest{id, digest}]), known(newest)
}

// ErrTooManyFiles is the error of an Add with a position in a new file when as many
// positions as may be remembered are stored: one would have to be forgotten.
var ErrTooManyFiles = errors.New("positions in so many files are stored that there is no room for one more")

// roomFor reports whether the position in a file can be kept.
func (t *tagTable) roomFor(file nameHash) bool {
	_, known := t.positions[file]
	return known || file == (nameHash{}) || len(t.positions) < t.limit
}

// ErrReadAgain is the error of an Add when an earlier entry of the same reading of the
// file was not stored: what is stored of a file has no gap.
var ErrReadAgain = errors.New("an earlier batch of this reading of the file was not stored")

// readable reports whether every entry of this reading of the file was stored so far.
func (t *tagTable) readable(g *tag) bool {
	failed, ok := t.failed[g.file]
	return !ok || g.reading > failed
}

// fail ends the readings of these entries.
func (t *tagTable) fail(list []tag) {
	for _, g := range list {
		if g.file != (nameHash{}) {
			t.failed[g.file] = max(g.reading, t.failed[g.file])
		}
	}
}

// A tagChange is what is to be written to the file of tags: the ids of messages below
// upTo that it lacks, and positions.
type tagChange struct {
	whole     bool // it replaces all that was written before
	upTo      uint64
	ids       []knownID
	positions map[nameHash]int64
}

// change returns what was not written to the file yet. The caller passes it to told once
// it is written.
func (t *tagTable) change(upTo uint64) tagChange {
	c := tagChange{upTo: upTo, positions: make(map[nameHash]int64, len(t.changed))}
	c.ids = t.ids[max(t.kept, t.first)-t.first:]
	for file := range t.changed {
		c.positions[file] = t.positions[file]
	}
	return c
}

// all returns the table.
func (t *tagTable) all(upTo uint64) tagChange {
	return tagChange{whole: true, upTo: upTo, ids: t.ids, positions: maps.Clone(t.positions)}
}

// told notes that c is in the file. behind is what behind returned together with c.
func (t *tagTable) told(c tagChange, behind uint64) {
	t.kept, t.upTo = behind, c.upTo
	for file, offset := range c.positions {
		if t.positions[file] == offset {
			delete(t.changed, file)
		}
	}
}

// behind is the serial number behind the newest id.
func (t *tagTable) behind() uint64 { return t.first + uint64(len(t.ids)) }

// Kinds of blocks in the file of tags.
const (
	blockChange = 1
	blockWhole  = recordLedger // since each half of such a file must begin with that
)

const (
	idBytes       = 2*sha256.Size + binary.MaxVarintLen64
	positionBytes = sha256.Size + binary.MaxVarintLen64
)

func (c *tagChange) encode() []byte {
	dst := make([]byte, 0, 1+3*binary.MaxVarintLen64+len(c.ids)*idBytes+len(c.positions)*positionBytes)
	if c.whole {
		dst = append(dst, blockWhole)
	} else {
		dst = append(dst, blockChange)
	}
	dst = binary.AppendUvarint(dst, c.upTo)
	dst = binary.AppendUvarint(dst, uint64(len(c.ids)))
	for i := range c.ids {
		dst = append(dst, c.ids[i].id[:]...)
		dst = append(dst, c.ids[i].digest[:]...)
		dst = binary.AppendVarint(dst, c.ids[i].at)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.positions)))
	for file, offset := range c.positions {
		dst = append(dst, file[:]...)
		dst = binary.AppendVarint(dst, offset)
	}
	return dst
}

var errUnknownBlock = errors.New("a block of a kind that this version does not know")

// apply takes what encode has written.
func (t *tagTable) apply(b []byte) error {
	r := &reader{rest: b}
	switch r.byte() {
	case blockWhole:
		*t = *newTagTable(t.limit)
	case blockChange:
	default:
		return errUnknownBlock
	}
	upTo := r.number()
	for range r.uvarint() {
		var id nameHash
		var digest [32]byte
		copy(id[:], r.take(len(id)))
		copy(digest[:], r.take(len(digest)))
		at := r.varint()
		if r.failed {
			return errShort
		}
		t.addID(id, digest, at)
	}
	for range r.uvarint() {
		var file nameHash
		copy(file[:], r.take(len(file)))
		offset := r.varint()
		if r.failed {
			return errShort
		}
		t.positions[file] = offset
	}
	if r.failed || len(r.rest) != 0 {
		return errShort
	}
	t.kept, t.upTo = t.behind(), upTo
	return nil
}
