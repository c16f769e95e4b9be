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

// A nesting remembers which of the enclosing containers are objects: bit d for
// the container at depth d. Opening a container writes its bit, so it needs no
// clearing.
type nesting [maxDepth/64 + 1]uint64

func (n *nesting) open(depth int, object uint64) {
	word, bit := uint(depth)/64, uint(depth)%64
	n[word] = n[word]&^(1<<bit) | object<<bit
}

func (n *nesting) object(depth int) bool {
	return n[uint(depth)/64]>>(uint(depth)%64)&1 == 1
}

// skipValue skips the value at s[i], which depth containers enclose.
func skipValue(s []byte, i, depth int, n *nesting) int {
	if i >= len(s) {
		return ^i
	}
	switch c := s[i]; c {
	case '"':
		return skipString(s, i)
	case '{', '[':
		return skipContainer(s, i, depth, n)
	default:
		return skipScalar(s, i)
	}
}

// skipContainer skips the object or array at s[i], which depth others enclose.
func skipContainer(s []byte, i, depth int, n *nesting) int {
	around := depth
	for {
		// A value begins here.
		if i >= len(s) {
			return ^i
		}
		switch s[i] {
		case '"':
			i = skipString(s, i)
		case '{':
			if depth++; depth > maxDepth {
				return ^i
			}
			n.open(depth, 1)
			if i = skipSpace(s, i+1); i >= len(s) || s[i] != '}' {
				if i = skipName(s, i); i < 0 {
					return i
				}
				continue
			}
			i, depth = i+1, depth-1
		case '[':
			if depth++; depth > maxDepth {
				return ^i
			}
			n.open(depth, 0)
			if i = skipSpace(s, i+1); i >= len(s) || s[i] != ']' {
				continue
			}
			i, depth = i+1, depth-1
		default:
			i = skipScalar(s, i)
		}
		if i < 0 {
			return i
		}
		// It has ended: what follows closes containers or begins the next value.
		for {
			if depth == around {
				return i
			}
			i = skipSpace(s, i)
			if i >= len(s) {
				return ^i
			}
			object := n.object(depth)
			if s[i] == ',' {
				i = skipSpace(s, i+1)
				if object {
					i = skipName(s, i)
				}
				break
			}
			if object && s[i] != '}' || !object && s[i] != ']' {
				return ^i
			}
			i, depth = i+1, depth-1
		}
		if i < 0 {
			return i
		}
	}
}

// skipName skips a member's name and the colon, up to the member's value.
func skipName(s []byte, i int) int {
	if i >= len(s) || s[i] != '"' {
		return ^i
	}
	if i = skipString(s, i); i < 0 {
		return i
	}
	return skipColon(s, i)
}

func skipColon(s []byte, i int) int {
	if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
		return ^i
	}
	return skipSpace(s, i+1)
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && isSpace(s[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// skipString skips the string whose opening quote is s[i]. It looks at eight
// bytes at a time for the first that is a quote, a backslash, a control
// character or not ASCII.
func skipString(s []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	start := i
	var seen uint64 // the top bit of any byte: not all ASCII
	i++
	for {
		for i+8 <= len(s) {
			w := binary.LittleEndian.Uint64(s[i:])
			quote, backslash := w^ones*'"', w^ones*'\\'
			stop := ((w - ones*' ') | (quote - ones) | (backslash - ones)) &^ w & tops
			if stop != 0 {
				at := bits.TrailingZeros64(stop)
				seen |= w & (1<<at - 1)
				i += at >> 3
				break
			}
			seen |= w
			i += 8
		}
		if i >= len(s) {
			return ^len(s)
		}
		switch c := s[i]; {
		case c == '"':
			i++
			if seen&tops != 0 && !utf8.Valid(s[start:i]) {
				return ^(start + firstInvalid(s[start:i]))
			}
			return i
		case c == '\\':
			if i = skipEscape(s, i); i < 0 {
				return i
			}
		case c < ' ':
			return ^i
		default: // in the last eight bytes of the text
			seen |= uint64(c)
			i++
		}
	}
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

// skipScalar skips the number, true, false or null at s[i].
func skipScalar(s []byte, i int) int {
	switch s[i] {
	case 't':
		return skipLiteral(s, i, "true")
	case 'f':
		return skipLiteral(s, i, "false")
	case 'n':
		return skipLiteral(s, i, "null")
	}
	return skipNumber(s, i)
}

func skipLiteral(s []byte, i int, literal string) int {
	if end := i + len(literal); end <= len(s) && string(s[i:end]) == literal {
		return end
	}
	for j := range len(literal) {
		if i+j >= len(s) || s[i+j] != literal[j] {
			return ^(i + j)
		}
	}
	return ^i // unreachable: some byte differed
}

func skipNumber(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	switch {
	case i >= len(s) || !isDigit(s[i]):
		return ^i
	case s[i] == '0':
		i++
	default:
		i = skipDigits(s, i)
	}
	if i < len(s) && s[i] == '.' {
		i++
		if i >= len(s) || !isDigit(s[i]) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if i >= len(s) || !isDigit(s[i]) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	return i
}

func skipDigits(s []byte, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
