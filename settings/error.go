package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
)

// A FieldError is one mistake in the settings. Find the first with errors.As;
// where there may be several they are joined (see errors.Join).
type FieldError struct {
	Field    string // the key, such as "tls.ca_file"
	Variable string // the environment variable the value came from, or that of a missing one; ""
	Value    string // the value given, or "": never a secret
	Reason   string // why it is wrong
	Err      error  // the cause, or nil; also part of the text
}

// Error names the key, the variable, the value and the reason, on one line.
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
		b.WriteString(": ")
		b.WriteString(oneLine(e.Err.Error()))
	}
	return b.String()
}

// oneLine returns text as it is, or quoted if it could break a line of a log:
// errors of other packages may hold text of a file.
func oneLine(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
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

// withoutPath drops the file's name, which the FieldError has already.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
