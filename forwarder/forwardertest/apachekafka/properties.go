package apachekafka

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// properties are lines of a Java properties file, in which the last of equal
// keys wins.
type properties []string

func (p *properties) set(key, value string) {
	*p = append(*p, escapeProperty(key, true)+"="+escapeProperty(value, false))
}

func (p *properties) setf(key, format string, args ...any) { p.set(key, fmt.Sprintf(format, args...)) }

func (p properties) text() []byte { return []byte(strings.Join(p, "\n") + "\n") }

// escapeProperty writes text as java.util.Properties reads it: from Latin-1, of
// which only ASCII is used here.
func escapeProperty(text string, key bool) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\\', r == ' ' && (key || i == 0), key && strings.ContainsRune("=:#!", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < unicode.MaxASCII:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.String()
}
