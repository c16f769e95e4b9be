package replay

// A nesting follows the brackets of a JSON object.
type nesting struct {
	depth             int
	inString, escaped bool
	last              byte // the last byte outside strings that is no white space
}

type place int

const (
	inside   place = iota
	complete       // the object ends with this byte
	broken         // no JSON has this byte here
)

// take returns where the next byte is. It finds the mistakes behind which a new
// object may begin, and leaves the others to package batch.
func (n *nesting) take(c byte) place {
	switch {
	case n.escaped:
		n.escaped = false
		return inside
	case n.inString:
		n.escaped, n.inString = c == '\\', c != '"'
		if c == '\n' {
			return broken
		}
		return inside
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		return inside
	case c == '"':
		n.inString = true
	case c == '{' || c == '[':
		if n.last != 0 && n.last != ':' && n.last != ',' && n.last != '[' {
			return broken
		}
		n.depth++
	case c == '}' || c == ']':
		n.depth--
	}
	n.last = c
	if n.depth == 0 {
		return complete
	}
	return inside
}
