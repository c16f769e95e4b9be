package connect

import (
	"strings"
	"unicode"

	"github.com/eventferry/eventferry/settings"
)

// passwordShape says what editors and templates may have added to a password, as a
// part of a sentence, and nothing of the password itself; "" if there is nothing of
// the kind. It is no mistake by itself: a password may be so.
func passwordShape(password settings.Secret) string {
	text := password.Reveal()
	var shape []string
	if strings.HasPrefix(text, "\ufeff") {
		shape = append(shape, "begins with a byte order mark")
	}
	if strings.Contains(text, "\n") {
		shape = append(shape, "has a second line")
	}
	if text != strings.TrimLeftFunc(text, unicode.IsSpace) {
		shape = append(shape, "begins with blanks")
	}
	if rest := strings.TrimRight(text, "\r\n"); rest != strings.TrimRightFunc(rest, unicode.IsSpace) || strings.HasSuffix(text, "\r") {
		shape = append(shape, "ends with blanks")
	}
	return strings.Join(shape, " and ")
}
