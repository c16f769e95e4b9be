package jsontext

import "bytes"

// ByteAt returns s[i], or 0 where s has no such byte. No JSON text has a 0, so
// callers need not ask whether there is a byte.
func ByteAt(s []byte, i int) byte {
	if uint(i) < uint(len(s)) {
		return s[i]
	}
	return 0
}

// SkipScalar skips the string, number, true, false or null at s[i]. To it an
// object or an array is a mistake.
func SkipScalar(s []byte, i int) int {
	if i >= len(s) {
		return ^i
	}
	switch s[i] {
	case '"':
		i, _ = SkipString(s, i)
		return i
	case 't':
		return SkipLiteral(s, i, "true")
	case 'f':
		return SkipLiteral(s, i, "false")
	case 'n':
		return SkipLiteral(s, i, "null")
	}
	return SkipNumber(s, i)
}

// SkipValue skips the value at s[i], whatever it is. The text must be valid.
func SkipValue(s []byte, i int) int {
	switch s[i] {
	case '"':
		i, _ = SkipString(s, i)
		return i
	case '{':
		if end, ok := skipFlat(s, i); ok {
			return end
		}
	case '[':
	default:
		for i < len(s) && s[i] != ',' && s[i] != '}' && s[i] != ']' && s[i] > ' ' {
			i++
		}
		return i
	}
	for depth := 0; ; {
		switch s[i] {
		case '"':
			i, _ = SkipString(s, i)
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

// skipFlat is SkipValue for an object without objects in it, which it skips faster,
// as the processor compares many bytes at once. It is not ok where braces or escape
// sequences ask for a closer look.
func skipFlat(s []byte, i int) (end int, ok bool) {
	n := bytes.IndexByte(s[i:], '}')
	if n < 0 {
		return 0, false
	}
	inside := s[i+1 : i+n]
	if bytes.IndexByte(inside, '{') >= 0 || bytes.IndexByte(inside, '\\') >= 0 {
		return 0, false
	}
	return i + n + 1, bytes.Count(inside, []byte{'"'})%2 == 0 // else the brace is within a string
}

// SkipColon skips the colon at s[i] and the white space on both sides of it.
func SkipColon(s []byte, i int) int {
	if i+1 < len(s) && s[i] == ':' && s[i+1] > ' ' {
		return i + 1
	}
	if i = SkipSpace(s, i); i >= len(s) || s[i] != ':' {
		return ^i
	}
	return SkipSpace(s, i+1)
}

// AfterComma returns the index after the comma at s[i], which white space may
// precede, or i where there is no comma.
func AfterComma(s []byte, i int) int {
	if j := SkipSpace(s, i); s[j] == ',' {
		return j + 1
	}
	return i
}

// SkipSpace skips white space, of which there may be none.
func SkipSpace(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && IsSpace(s[i]) {
		i++
	}
	return i
}

// SkipSpaceBack returns the index of the first of the white space that ends at i.
func SkipSpaceBack(s []byte, i int) int {
	for i > 0 && IsSpace(s[i-1]) {
		i--
	}
	return i
}

// IsSpace reports whether c is white space to JSON.
func IsSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// SkipLiteral skips true, false or null.
func SkipLiteral(s []byte, i int, literal string) int {
	if end := i + len(literal); end <= len(s) && string(s[i:end]) == literal {
		return end
	}
	return badLiteral(s, i, literal)
}

// badLiteral returns ^offset of the byte where s differs from the literal.
func badLiteral(s []byte, i int, literal string) int {
	for j := range len(literal) {
		if ByteAt(s, i+j) != literal[j] {
			return ^(i + j)
		}
	}
	return ^i // unreachable: some byte differed
}

// Depth returns how many objects and arrays enclose one another at most in a valid
// text.
func Depth(text []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i, _ = SkipString(text, i)
			i--
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}
