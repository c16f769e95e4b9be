package connect

import (
	"errors"
	"fmt"
	"strings"
)

// An advisedError is an error whose text says what was found, then what to do, and
// at its end the cause.
type advisedError struct {
	err           error
	found, advice string
}

func (e *advisedError) Error() string           { return e.err.Error() }
func (e *advisedError) Unwrap() error           { return e.err }
func (e *advisedError) split() (string, string) { return e.found, e.advice }

// advisef is fmt.Errorf for "fact: advice: %w". The format says where the advice is,
// since names in the text may have colons, too.
func advisef(format string, args ...any) error {
	err := fmt.Errorf(format, args...) //nolint:err113 // the callers' formats have a %w each
	fact, advice := cutAdvice(format)
	if advice == "" {
		return err
	}
	n := strings.Count(fact, "%")
	end := n + strings.Count(advice, "%")
	found := fmt.Sprintf(fact, args[:n]...)
	if end < len(args) {
		found += fmt.Sprintf(": %v", args[end])
	}
	return &advisedError{err, found, fmt.Sprintf(advice, args[n:end]...)}
}

// cutAdvice returns the two parts of a format "fact: advice: %w". A fact is more than
// the name of a server.
func cutAdvice(format string) (fact, advice string) {
	text := strings.TrimSuffix(format, ": %w")
	for from := 0; ; {
		i := strings.Index(text[from:], ": ")
		if i < 0 {
			return text, ""
		}
		if fact = text[:from+i]; fact != "%s" {
			return fact, text[from+i+len(": "):]
		}
		from += i + len(": ")
	}
}

// Split returns what the text of an error of this package says was found, and what
// it says to do, or "" if that is nothing. Both are one line.
func Split(err error) (found, advice string) {
	text := err.Error()
	if e, ok := errors.AsType[interface {
		error
		split() (found, advice string)
	}](err); ok {
		found, advice = e.split()
		found = strings.Replace(text, e.Error(), found, 1)
	} else {
		found = text
	}
	return Line(found), Line(advice)
}

// Line returns a text from outside as one line that is safe to print.
func Line(text string) string { return singleLine(errors.New(text)).Error() }
