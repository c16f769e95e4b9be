package jsontext

import (
	"bytes"
	"strconv"
)

// SkipNumber skips a number.
func SkipNumber(s []byte, i int) int {
	if ByteAt(s, i) == '-' {
		i++
	}
	switch c := ByteAt(s, i); {
	case c == '0':
		i++
	case isDigit(c):
		i = skipDigits(s, i)
	default:
		return ^i
	}
	if ByteAt(s, i) == '.' {
		i++
		if !isDigit(ByteAt(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	if ByteAt(s, i)|0x20 == 'e' {
		i++
		if c := ByteAt(s, i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(ByteAt(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	return i
}

func skipDigits(s []byte, i int) int {
	for isDigit(ByteAt(s, i)) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// ParseInt reads an integer as JSON writes one.
func ParseInt(s []byte) (int64, bool) {
	digits := bytes.TrimPrefix(s, []byte("-"))
	if len(digits) == 0 || !isDigit(digits[0]) || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil
}
