package batch

import (
	"bytes"
	"fmt"
	"strings"
)

// An Error says why bytes are not a batch. It holds nothing of them: Reason is
// one of a few fixed texts, and Member names only what the format prescribes,
// because the names of attributes are payload too.
type Error struct {
	Offset int64  // of the byte where it went wrong, from the beginning of the data or of the stream
	Member string // "mpid", "events", "events[3]", "events[3].event_type", or "" for all else
	Reason string
}

func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("batch: ")
	if e.Member != "" {
		text.WriteString(e.Member + ": ")
	}
	fmt.Fprintf(&text, "%s at byte %d", e.Reason, e.Offset)
	return text.String()
}

// byteOrderMark begins files of some programs. JSON that is sent must not have it.
const byteOrderMark = "\ufeff"

// explain looks again at text that broke the grammar at offset, and says how.
// Everything before the offset is good.
func explain(s []byte, offset int) *Error {
	depth, inString := around(s[:offset])
	var reason string
	switch {
	case offset >= len(s):
		reason = "unexpected end"
	case depth == 0 && bytes.HasPrefix(s[offset:], []byte(byteOrderMark)):
		reason = "a byte order mark"
	case depth >= maxDepth && !inString && (s[offset] == '{' || s[offset] == '['):
		reason = fmt.Sprintf("more than %d objects and arrays inside one another", maxDepth)
	case inString && firstInvalid(s[offset:]) == 0:
		reason = "invalid UTF-8"
	case inString && s[offset] < ' ':
		reason = "control character in a string"
	case inString:
		reason = "bad escape in a string"
	default:
		reason = "not JSON"
	}
	return &Error{Offset: int64(offset), Reason: fmt.Sprintf("%s (depth %d)", reason, depth)}
}

// around counts the containers that are open at the end of s, the beginning of
// a JSON text, and tells whether s ends inside a string.
func around(s []byte) (depth int, inString bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	return depth, inString
}
