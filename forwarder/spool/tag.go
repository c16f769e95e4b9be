package spool

// A Tag is what a caller may store with a batch, to find out after a crash whether
// the batch is stored. Both lie in one record: the tag is stored exactly if the batch
// is. A refused message that is put again has no tag.
type Tag struct {
	// ID is the caller's name for the batch. [Spool.Known] knows it for an hour.
	// Empty: the batch has none.
	ID string

	// Digest tells apart batches with the same ID: the SHA-256 of their text, for
	// instance. Without an ID it is not stored.
	Digest [32]byte

	// Source is where the batch was read from. Zero: not from a file.
	Source Source
}

// A Source is a place in a file.
type Source struct {
	File   string // the caller's name for the file; empty: none
	Offset int64  // where to go on reading, such as the byte behind the batch

	// Reading is a number that must grow each time the caller begins to read the file
	// while the spool is open. When the disk has failed to store a batch of a file, the
	// later ones with the same or a lower number are refused with [ErrReadAgain]. So
	// what is stored of a file has no gap, and [Spool.Position] is where to go on. The
	// number is not stored: it may begin anew with each [Open].
	Reading int64
}

// Known reports whether a batch with this id and digest was stored within the last
// hour (same), in this process or a former one, and whether a batch with this id and
// another digest was (other). Both may be true. The hour is counted from the time at
// which the batch was accepted. Of more than [Options].Remembered ids the oldest are
// forgotten. Known does not touch the disk, and may be called from any number of
// goroutines.
//
// A batch is not known before its Store has succeeded: the caller must not store the
// same id twice at once.
func (s *Spool) Known(id string, digest [32]byte) (same, other bool) {
	return s.store().KnownID(id, digest)
}

// Position returns the Offset of the last stored batch whose [Source] names the file,
// and reports whether there is one. Batches count in the order in which they were
// stored, whatever their offsets. Positions are not forgotten, unless the file "tags"
// of the folder is lost. Position does not touch the disk, and may be called from any
// number of goroutines.
func (s *Spool) Position(file string) (offset int64, ok bool) { return s.store().Position(file) }
