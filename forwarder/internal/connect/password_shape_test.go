package connect

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

func TestPasswordShape(t *testing.T) {
	for password, want := range map[string]string{
		"":                       "",
		"crayon":                 "",
		"cra yon":                "",
		"\ufeffcrayon":           "begins with a byte order mark",
		"crayon\n":               "has a second line", // the final line ending is gone already
		"crayon\nanother":        "has a second line",
		"crayon\r\nanother\r":    "has a second line and ends with blanks",
		"crayon ":                "ends with blanks",
		"crayon\t":               "ends with blanks",
		"crayon\u00a0":           "ends with blanks",
		" crayon":                "begins with blanks",
		"\ufeff crayon\nuser = ": "begins with a byte order mark and has a second line and ends with blanks",
	} {
		t.Run(strconv.Quote(password), func(t *testing.T) {
			assert.Equal(t, want, passwordShape(settings.NewSecret(password)))
		})
	}
}

// A refusal names what may be wrong with the password, where it comes from.
func TestIdentity_passwordSource(t *testing.T) {
	for want, i := range map[string]identity{
		"":                     {},
		` (file "/run/kafka")`: {passwordFile: "/run/kafka"},
		` (file "/run/kafka", which has a second line)`: {passwordFile: "/run/kafka", passwordShape: "has a second line"},
		` (it ends with blanks)`:                        {passwordShape: "ends with blanks"},
	} {
		assert.Equal(t, want, i.passwordSource())
		i.user, i.mechanism = "ann", "SCRAM-SHA-512"
		assert.Contains(t, i.loginHint(), "wrong password"+want+", or the user has no SCRAM-SHA-512 credential")
		assert.Contains(t, i.wrongCredentials(), "wrong user name or password"+want)
	}
}
