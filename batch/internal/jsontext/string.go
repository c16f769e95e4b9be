package jsontext

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// SkipString skips the string whose opening quote is s[i], and reports whether
// there are escape sequences in it.
func SkipString(s []byte, i int) (end int, escaped bool) {
	j := SkipPlain(s, i+1)
	if ByteAt(s, j) == '"' {
		return j + 1, false
	}
	return FinishString(s, i, j)
}

// SkipPlain begins to skip the inside of a string, for a loop that has no time for
// SkipString. It looks at eight bytes at a time for the first that is a quote, a
// backslash, a control character or beyond ASCII, and returns its index, or an
// earlier one where the text ends soon. (It is short enough to be inlined, and its
// condition spares the load a second check.)
func SkipPlain(s []byte, i int) int {
	for ; i >= 0 && i <= len(s)-8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		if m := (marks(w) | w) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// FinishString goes on where SkipPlain has stopped, at s[i] in the string that
// begins at s[start]. It handles what SkipPlain does not: escape sequences, text
// beyond ASCII, mistakes, and the end of s.
func FinishString(s []byte, start, i int) (end int, escaped bool) {
	for {
		i = skipText(s, i)
		switch c := ByteAt(s, i); {
		case c == '\\':
			escaped = true
			if i = skipEscape(s, i); i < 0 {
				return firstBad(s, start, ^i), false
			}
		case c < ' ' || c == '"' && !utf8.Valid(s[start:i]):
			return firstBad(s, start, i), false
		case c == '"':
			return i + 1, escaped
		default:
			i++
		}
	}
}

// firstBad returns ^offset of the first mistake in the string that begins at
// s[start]: what is not UTF-8, or else what is at s[i].
func firstBad(s []byte, start, i int) int {
	bad := start + FirstInvalid(s[start:i])
	if i == len(s) && !utf8.FullRune(s[bad:]) {
		return ^i // the text ends within a character, or before it
	}
	return ^bad
}

// FirstInvalid returns the index of the first byte that is not UTF-8, or len(s).
func FirstInvalid(s []byte) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

// skipEscape skips the escape sequence whose backslash is s[i]. Half of a
// surrogate pair is let through: it is grammatical, and clients that cut an
// emoji in two make it.
func skipEscape(s []byte, i int) int {
	i++
	if i >= len(s) {
		return ^i
	}
	switch s[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			i++
			if i >= len(s) || !isHex(s[i]) {
				return ^i
			}
		}
		return i + 1
	}
	return ^i
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// Words of eight bytes.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// skipText is SkipPlain for text that goes on beyond ASCII.
func skipText(s []byte, i int) int {
	for ; i >= 0 && i <= len(s)-8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		if m := marks(w) &^ w & tops; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// marks sets the top bits of the bytes of w that are a quote, a backslash or a
// control character. Those of bytes beyond ASCII, and above the lowest one that
// is right, may be wrong. (Control characters and the quote, with one bit turned,
// are what is below '!'.)
func marks(w uint64) uint64 {
	return ((w ^ ones*2) - ones*'!') | ((w ^ ones*'\\') - ones)
}
