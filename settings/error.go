package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A FieldError is one mistake in the settings. Find the first with errors.As;
// where there may be several they are joined (see errors.Join).
type FieldError struct {
	Field    string // the key, such as "tls.ca_file"
	Variable string // the environment variable the value came from, or ""
	Value    string // what was given, or "": never a secret
	Reason   string // what is wrong with it
	Err      error  // what caused it, or nil; also part of the text
}

// Error names the key, the variable, the value and what is wrong.
func (e *FieldError) Error() string {
	var b strings.Builder
	b.WriteString("settings: ")
	b.WriteString(e.Field)
	if e.Variable != "" {
		fmt.Fprintf(&b, " (%s)", e.Variable)
	}
	if e.Value != "" {
		fmt.Fprintf(&b, " %.100q", e.Value)
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// join makes one error of mistakes, or nil of none.
func join(mistakes []*FieldError) error {
	errs := make([]error, len(mistakes))
	for i, m := range mistakes {
		errs[i] = m
	}
	return errors.Join(errs...)
}

// withoutPath leaves the file's name to the FieldError that names it already.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
