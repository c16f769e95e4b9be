package filters

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A memberScanner goes through the members of a JSON object that package batch has
// checked, in one pass that allocates nothing. It reads; edits are the batch's.
type memberScanner struct {
	text  []byte
	at    int
	plain bool // there are no escape sequences in text

	name  []byte // of the member, between its quotes
	value []byte
}

// scanMembers returns a scanner before the first member of an object. It has no
// members when object is anything else.
func scanMembers(object []byte) memberScanner {
	if !isObjectText(object) {
		return memberScanner{}
	}
	return memberScanner{text: object, at: 1, plain: bytes.IndexByte(object, '\\') < 0}
}

// next moves to the next member.
func (s *memberScanner) next() bool {
	if !s.nextName() {
		return false
	}
	s.skip()
	return true
}

// nextName moves to the name of the next member. Its value is for skip or enter.
func (s *memberScanner) nextName() (ok bool) {
	s.name, s.at, ok = memberAt(s.text, s.at)
	return ok
}

// skip moves behind the value of the member.
func (s *memberScanner) skip() {
	start := s.at
	s.at = valueEnd(s.text, start)
	s.value = s.text[start:s.at]
}

// atObject reports whether the value of the member is an object.
func (s *memberScanner) atObject() bool { return s.at < len(s.text) && s.text[s.at] == '{' }

// enter returns a scanner before the first member of the object that is the value
// of the member. When that has come to its end, leave moves behind the object.
func (s *memberScanner) enter() memberScanner {
	return memberScanner{text: s.text, at: s.at + 1, plain: s.plain}
}

func (s *memberScanner) leave(inner *memberScanner) {
	s.at = min(skipBlank(s.text, inner.at)+len("}"), len(s.text))
}

// memberAt returns the name of the next member of an object, between its quotes,
// and where its value begins. text[i] is behind the opening brace or the value of
// the member before. When there are no more members, it returns i.
func memberAt(text []byte, i int) (name []byte, value int, ok bool) {
	if i >= len(text) {
		return nil, i, false
	}
	if text[i] == ',' {
		i++
	}
	if i = skipBlank(text, i); i < len(text) && text[i] == ',' {
		i = skipBlank(text, i+1)
	}
	if i >= len(text) || text[i] != '"' {
		return nil, i, false
	}
	end := stringEnd(text, i)
	name = text[i+1 : max(i+1, end-1)]
	i = min(skipBlank(text, end)+len(":"), len(text))
	if i < len(text) && text[i] <= ' ' {
		i = skipBlank(text, i)
	}
	return name, i, true
}

// plainName returns the name without escape sequences.
func (s *memberScanner) plainName() []byte {
	if s.plain {
		return s.name
	}
	return unescaped(s.name)
}

// unescaped returns a name without escape sequences.
func unescaped(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	return appendUnescaped(nil, name)
}

// skipBlank returns the index of the first byte from i on that is no white space.
func skipBlank(text []byte, i int) int {
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	return i
}

// stringEnd returns the index after the string whose opening quote is text[i].
// Most strings are short, so it looks at eight bytes at a time: bytes.IndexByte
// would take longer to call than to run.
func stringEnd(text []byte, i int) int {
	for i++; i >= 0 && i <= len(text)-8; {
		quotes := firstQuote(binary.LittleEndian.Uint64(text[i : i+8]))
		if quotes == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(quotes)/8 + 1
		if text[i-2] != '\\' || !isEscaped(text, i-1) {
			return i
		}
	}
	for ; i < len(text); i++ {
		if text[i] == '"' && (text[i-1] != '\\' || !isEscaped(text, i)) {
			return i + 1
		}
	}
	return len(text)
}

// firstQuote returns a word whose lowest bit is the highest one of the first byte
// that is a quote, and 0 when there is none. Bits of later bytes mean nothing.
func firstQuote(word uint64) uint64 {
	const ones, highest = 0x0101010101010101, 0x8080808080808080
	x := word ^ ones*'"'
	return (x - ones) &^ x & highest
}

// isEscaped reports whether the byte at text[i] is part of an escape sequence.
func isEscaped(text []byte, i int) bool {
	backslashes := 0
	for text[i-1-backslashes] == '\\' {
		backslashes++
	}
	return backslashes%2 == 1
}

// valueEnd returns the index after the value at text[i].
func valueEnd(text []byte, i int) int {
	if i >= len(text) {
		return len(text)
	}
	switch text[i] {
	case '"':
		return stringEnd(text, i)
	case '{':
		if end, ok := flatEnd(text, i); ok {
			return end
		}
		return containerEnd(text, i)
	case '[':
		return containerEnd(text, i)
	case 'n', 't':
		return min(i+len("null"), len(text))
	case 'f':
		return min(i+len("false"), len(text))
	}
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' && text[i] > ' ' {
		i++
	}
	return i
}

// flatEnd is containerEnd for an object without objects in it. It is faster, as
// the processor compares many bytes at once. It is not ok where braces or escape
// sequences ask for a closer look.
func flatEnd(text []byte, i int) (end int, ok bool) {
	n := bytes.IndexByte(text[i:], '}')
	if n < 0 {
		return 0, false
	}
	inside := text[i+1 : i+n]
	if bytes.IndexByte(inside, '{') >= 0 || bytes.IndexByte(inside, '\\') >= 0 {
		return 0, false
	}
	return i + n + 1, bytes.Count(inside, quoteMark)%2 == 0 // else the brace is within a string
}

// containerEnd returns the index after the object or array that begins at
// text[i].
func containerEnd(text []byte, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

func isObjectText(value []byte) bool { return len(value) > 0 && value[0] == '{' }
func isArrayText(value []byte) bool  { return len(value) > 0 && value[0] == '[' }
func isStringText(value []byte) bool { return len(value) > 0 && value[0] == '"' }

// isNothing reports whether there is no value, or null.
func isNothing(value []byte) bool { return len(value) == 0 || value[0] == 'n' }

// textOf returns the text of a string, and reports false for everything else.
// Mostly it is a part of value.
func textOf(value []byte) (text []byte, ok bool) { return textIn(nil, value) }

// textIn is textOf that puts a text with escape sequences into room.
func textIn(room, value []byte) (text []byte, ok bool) {
	if !isStringText(value) || len(value) < 2 {
		return nil, false
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		return appendUnescaped(room[:0], inner), true
	}
	return inner, true
}

// scalarText returns the text of a string, and the JSON text of a number and of
// true and false. It reports false for everything else.
func scalarText(value []byte) (text []byte, ok bool) {
	if isStringText(value) {
		return textOf(value)
	}
	if isNothing(value) || isObjectText(value) || isArrayText(value) {
		return nil, false
	}
	return value, true
}

// appendUnescaped appends the text between the quotes of a JSON string. Half of a
// surrogate pair becomes U+FFFD, as package batch reads it.
func appendUnescaped(dst, inner []byte) []byte {
	for {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 || i+1 >= len(inner) {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:i]...)
		c := inner[i+1]
		inner = inner[i+2:]
		if c != 'u' {
			dst = append(dst, shortEscape(c))
			continue
		}
		r := hexRune(inner)
		inner = inner[min(4, len(inner)):]
		if utf16.IsSurrogate(r) {
			r, inner = pairedRune(r, inner)
		}
		dst = utf8.AppendRune(dst, r)
	}
}

// shortEscape returns what a backslash and c stand for.
func shortEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// hexRune returns the rune of four hexadecimal digits.
func hexRune(digits []byte) rune {
	if len(digits) < 4 {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(digits[:4]), 16, 16)
	if err != nil {
		return utf8.RuneError // package batch has checked it
	}
	return rune(n)
}

// pairedRune returns the rune of a surrogate and of the one that follows it, and
// what is left of the text.
func pairedRune(r rune, rest []byte) (rune, []byte) {
	if second, ok := bytes.CutPrefix(rest, []byte(`\u`)); ok {
		if paired := utf16.DecodeRune(r, hexRune(second)); paired != utf8.RuneError {
			return paired, second[4:]
		}
	}
	return utf8.RuneError, rest
}

// elementsOf iterates over the elements of an array.
func elementsOf(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !isArrayText(array) {
			return
		}
		for i := skipBlank(array, 1); i < len(array) && array[i] != ']'; {
			end := valueEnd(array, i)
			if end <= i || !yield(array[i:end]) {
				return
			}
			if i = skipBlank(array, end); i < len(array) && array[i] == ',' {
				i = skipBlank(array, i+1)
			}
		}
	}
}

// lowerCase returns text with its ASCII letters in lower case.
func lowerCase(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, text)
}
