package spoolstore

import "fmt"

// A FullError says that there was no room for an entry until the context ended.
type FullError struct {
	MaxBytes int64
	Cause    error // of the disk, if it is not the limit; may be nil
	Err      error // why the wait ended; nil: there was no wait
}

// Error implements error.
func (e *FullError) Error() string {
	text := fmt.Sprintf("the %d bytes of the spool are in use", e.MaxBytes)
	switch {
	case e.Cause == nil:
	case isFull(e.Cause):
		text = fmt.Sprintf("no room on the disk (%v)", e.Cause)
	default:
		text = fmt.Sprintf("nothing is taken (%v)", e.Cause)
	}
	if e.Err == nil {
		return text
	}
	return text + ": " + e.Err.Error()
}

// Advice says what to do about it.
func (e *FullError) Advice() string {
	switch {
	case e.Cause == nil:
		return "raise spool.max_bytes if that is usual"
	case isFull(e.Cause):
		return adviceFull
	default:
		return adviceDisk
	}
}

const (
	adviceFull = "free the disk, enlarge its volume, or lower spool.max_bytes so that it fits there"
	adviceDisk = "check the disk"
)

// Unwrap returns the causes.
func (e *FullError) Unwrap() []error {
	var causes []error
	for _, err := range []error{e.Cause, e.Err} {
		if err != nil {
			causes = append(causes, err)
		}
	}
	return causes
}

// A TooLargeError says that an entry fits into no segment.
type TooLargeError struct{ Size, Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("an entry of %d bytes does not fit into a segment, which takes %d", e.Size, e.Limit)
}
