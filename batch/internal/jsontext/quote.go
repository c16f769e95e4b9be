package jsontext

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the text of a valid JSON string, whose quotes s includes. Half of
// a surrogate pair becomes U+FFFD, as in encoding/json. A string without escape
// sequences is returned as the part of s that it is.
func Unquote(s []byte) []byte {
	s = s[1 : len(s)-1]
	i := bytes.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	text := make([]byte, 0, len(s))
	for i >= 0 {
		text = append(text, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'u':
			r := unhex(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				var low rune = utf8.RuneError
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					low = unhex(s[2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					s = s[6:]
				}
			}
			text = utf8.AppendRune(text, r)
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		default:
			text = append(text, c)
		}
		i = bytes.IndexByte(s, '\\')
	}
	return append(text, s...)
}

func unhex(s []byte) rune {
	n, _ := strconv.ParseUint(string(s[:4]), 16, 16) // scanned before: always four digits
	return rune(n)
}

// AppendQuoted appends text, which must be valid UTF-8, as a JSON string. It escapes
// only what RFC 8259 requires.
func AppendQuoted(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// QuotedSize returns the number of bytes that AppendQuoted appends.
func QuotedSize(text string) int {
	n := len(text) + 2
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < ' ':
			n += len(`\u0000`) - 1
		}
	}
	return n
}
