package batch

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is how many objects and arrays may enclose one another, the batch
// itself included.
const maxDepth = 1000

// The functions here take JSON text and an index, and return the index after
// what they skip. Where the text breaks the grammar of RFC 8259 they return
// ^offset of the byte that does: a negative number. All are loops, so that
// nothing in the text can make the stack grow.

// skipScalar skips the string, number, true, false or null at s[i]. An object or
// array it takes for a mistake.
func skipScalar(s []byte, i int) int {
	if i >= len(s) {
		return ^i
	}
	switch s[i] {
	case '"':
		i, _ = skipString(s, i)
		return i
	case 't':
		return skipLiteral(s, i, "true")
	case 'f':
		return skipLiteral(s, i, "false")
	case 'n':
		return skipLiteral(s, i, "null")
	}
	return skipNumber(s, i)
}

func skipColon(s []byte, i int) int {
	if i+1 < len(s) && s[i] == ':' && s[i+1] > ' ' {
		return i + 1
	}
	if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
		return ^i
	}
	return skipSpace(s, i+1)
}

// at returns s[i], or where s has no such byte a 0, which no JSON has: so what is
// missing needs no attention of its own.
func at(s []byte, i int) byte {
	if uint(i) < uint(len(s)) {
		return s[i]
	}
	return 0
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && isSpace(s[i]) {
		i++
	}
	return i
}

// skipSpaceBack returns the index of the first of the white space that ends at i.
func skipSpaceBack(s []byte, i int) int {
	for i > 0 && isSpace(s[i-1]) {
		i--
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// skipString skips the string whose opening quote is s[i], and tells whether
// there are escape sequences in it.
func skipString(s []byte, i int) (end int, escaped bool) {
	j := skipPlain(s, i+1)
	if at(s, j) == '"' {
		return j + 1, false
	}
	return finishString(s, i, j)
}

// skipPlain looks at eight bytes at a time for the first that is a quote, a
// backslash, a control character or beyond ASCII, and returns its index, or one
// in front of it where the text ends soon. (It is short enough to be inlined,
// and its condition spares the load a second check.)
func skipPlain(s []byte, i int) int {
	for ; i >= 0 && i <= len(s)-8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		if m := (marks(w) | w) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// skipText is skipPlain for text that goes on beyond ASCII.
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

// finishString goes on at s[i] in the string that begins at s[start]. It is for
// what skipPlain has no time for: escape sequences, text beyond ASCII, mistakes
// and the very end of s.
func finishString(s []byte, start, i int) (end int, escaped bool) {
	for {
		i = skipText(s, i)
		switch c := at(s, i); {
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
	bad := start + firstInvalid(s[start:i])
	if i == len(s) && !utf8.FullRune(s[bad:]) {
		return ^i // the text ends within a character, or before it
	}
	return ^bad
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

func firstInvalid(s []byte) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(s)
}

func skipLiteral(s []byte, i int, literal string) int {
	if end := i + len(literal); end <= len(s) && string(s[i:end]) == literal {
		return end
	}
	return badLiteral(s, i, literal)
}

// badLiteral tells where s differs from the literal.
func badLiteral(s []byte, i int, literal string) int {
	for j := range len(literal) {
		if at(s, i+j) != literal[j] {
			return ^(i + j)
		}
	}
	return ^i // unreachable: some byte differed
}

func skipNumber(s []byte, i int) int {
	if at(s, i) == '-' {
		i++
	}
	switch c := at(s, i); {
	case c == '0':
		i++
	case isDigit(c):
		i = skipDigits(s, i)
	default:
		return ^i
	}
	if at(s, i) == '.' {
		i++
		if !isDigit(at(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	if at(s, i)|0x20 == 'e' {
		i++
		if c := at(s, i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(at(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	return i
}

func skipDigits(s []byte, i int) int {
	for isDigit(at(s, i)) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// pass skips the value at s[i] . The text is known to be good.
func pass(s []byte, i int) int {
	switch s[i] {
	case '"':
		i, _ = skipString(s, i)
		return i
	case '{', '[':
	default:
		for i < len(s) && s[i] != ',' && s[i] != '}' && s[i] != ']' && s[i] > ' ' {
			i++
		}
		return i
	}
	for depth := 0; ; {
		switch s[i] {
		case '"':
			i, _ = skipString(s, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}
