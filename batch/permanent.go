package batch

// MarkPermanent returns an error with the text of err that says that the batch itself is
// the reason for it: the same batch would fail each time. A [Filter] returns it, and
// forwarder.Permanent then reports true, so that callers set the batch aside instead of
// sending it again and again. Errors that are not marked count as ones that may pass.
//
//	return batch.MarkPermanent(b.At("user_attributes", "origin").Set("web"))
//
// Set fails here if user_attributes is text or a list. Do not mark the error of
// something that the filter asks, such as a database that is away: that passes.
//
// The result may be wrapped. Where it is joined with other errors, each of them must be
// marked. A marked error of [Drop] still drops the batch. MarkPermanent(nil) is nil.
func MarkPermanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent is what forwarder.Permanent looks for in a filter's error.
func (*permanentError) Permanent() bool { return true }
