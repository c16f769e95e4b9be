package connect

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestQuote bounds how much of a text from outside an error quotes.
const longestQuote = 200

// quote makes a text from outside safe to print: one line, of bounded length.
func quote(text string) string {
	if len(text) <= longestQuote {
		return strconv.Quote(text)
	}
	cut := longestQuote
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "..."
}

// plainAddress matches what stands unquoted where an address is printed.
var plainAddress = regexp.MustCompile(`^[\w.:\[\]%-]{1,262}$`)

// shown returns an address, which a broker may have advertised, safe to print.
func shown(addr string) string {
	if plainAddress.MatchString(addr) {
		return addr
	}
	return quote(addr)
}

// few lists the first of names.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// SingleLine returns err with a text of one line: brokers choose the names that
// certificates and addresses have, and those the texts of package net and
// crypto/x509.
func SingleLine(err error) error { return singleLine(err) }

func singleLine(err error) error {
	if err != nil && strings.Contains(err.Error(), namelessCode) {
		err = &namedCodeError{err}
	}
	if err == nil || strings.IndexFunc(err.Error(), isControl) < 0 {
		return err
	}
	return &singleLineError{err}
}

// A singleLineError is err, whose text has line breaks or the like.
type singleLineError struct{ err error }

func (e *singleLineError) Unwrap() error { return e.err }

func (e *singleLineError) Error() string {
	var b strings.Builder
	for _, r := range e.err.Error() {
		if isControl(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isControl reports whether a rune can break a line or change how a terminal
// shows it.
func isControl(r rune) bool {
	return r == '\u2028' || r == '\u2029' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
