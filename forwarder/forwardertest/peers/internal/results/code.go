package results

import "fmt"

// String names the code that was measured; empty if that is not known.
func (c Code) String() string {
	if len(c.HotPath) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d files on the way of a batch", len(c.HotPath))
	switch {
	case c.Commit == "":
		return text
	case c.Changed:
		return "commit " + c.Commit + " with changes; " + text
	}
	return "commit " + c.Commit + "; " + text
}

// IsOf reports whether r has measured code.
func (r *Results) IsOf(code Code) bool {
	return len(r.Code.HotPath) > 0 && len(r.Code.HotPath.Changed(code.HotPath)) == 0
}
