package spoolstore

// A Record is an entry as it was read back.
type Record struct {
	First uint64 // number of its first message
	Entry *Entry // its own memory
	Bytes int    // that its frame takes
}

// Range is the numbers of its messages.
func (r *Record) Range() Range { return Range{r.First, r.First + uint64(len(r.Entry.Messages))} }

// A readRecord is a [Record], its entry, and room for one message, as most entries have:
// what is read is many small entries at times.
type readRecord struct {
	Record

	entry   Entry
	message [1]Message
}
