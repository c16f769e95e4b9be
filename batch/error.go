package batch

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
)

// An Error says why bytes are not a batch. It holds nothing of them: Reason is
// one of a few fixed texts, and Member names only members that the format
// prescribes, because the names of attributes are payload too. Where Member is ""
// and the mistake is inside an object or an array, Reason says how many of them
// enclose it: "unexpected end (depth 3)".
type Error struct {
	Offset int64  // of the first wrong byte, from the beginning of the data or of the stream
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

// refusal returns the error for text that is JSON and not a batch.
func refusal(offset int, member, reason string) *Error {
	return &Error{Offset: int64(offset), Member: member, Reason: reason}
}

// byteOrderMark begins files of some programs. JSON that is sent must not have it.
const byteOrderMark = "\ufeff"

// explain returns the error for text that breaks the grammar at offset. Everything
// before the offset is valid.
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
	case inString && jsontext.FirstInvalid(s[offset:]) == 0:
		reason = "invalid UTF-8"
	case inString && s[offset] < ' ':
		reason = "control character in a string"
	case inString:
		reason = "bad escape in a string"
	default:
		reason = "not JSON"
	}
	if depth > 0 { // else there is nothing that it could say where to look
		reason = fmt.Sprintf("%s (depth %d)", reason, depth)
	}
	return &Error{Offset: int64(offset), Reason: reason}
}

// around returns how many containers are open at the end of s, the beginning of a
// JSON text, and reports whether s ends inside a string.
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
