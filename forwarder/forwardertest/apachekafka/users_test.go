package apachekafka

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestUser_check(t *testing.T) {
	plain, scram := []settings.Method{settings.Plain}, []settings.Method{settings.Plain, settings.SCRAMSHA512}
	for _, c := range []struct {
		name string
		user user
		want string // empty: fine
	}{
		{"plain words", user{"ann", "secret", scram}, ""},
		{"any password", user{"ann", "\"p\\ä;,=]}'\n☃ \t", scram}, ""},
		{"any name for PLAIN", user{`J. "odd" Müller\=`, "secret", plain}, ""},
		{"no method", user{"ann", "secret", nil}, `user "ann" has no method`},
		{"no name", user{"", "secret", plain}, `user "": a name or a password is empty`},
		{"no password", user{"ann", "", plain}, `user "ann": a name or a password is empty`},
		{"NUL in a password", user{"ann", "a\x00b", plain}, `password of user "ann": NUL or invalid UTF-8`},
		{"invalid UTF-8 in a password", user{"ann", "a\xffb", plain}, `password of user "ann": NUL or invalid UTF-8`},
		{"a line end in a name", user{"a\nb", "secret", plain}, `user name "a\nb": control characters`},
		{"a comma in a SCRAM name", user{"a,b", "secret", scram}, `user name "a,b": SCRAM users cannot be given names with ','`},
		{"a SCRAM name that is not ASCII", user{"Müller", "secret", scram}, `user name "Müller": SCRAM users cannot be given names with 'ü'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.user.check()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "apachekafka: "+c.want)
			if len(c.user.password) > 1 {
				assert.NotContains(t, err.Error(), c.user.password)
			}
		})
	}
}

func TestStart_refusesUsers(t *testing.T) {
	_, err := Start(t.Context(), WithUser("a,b", "secret", settings.SCRAMSHA256))
	require.ErrorContains(t, err, `user name "a,b"`)
}

func TestProperties(t *testing.T) {
	var p properties
	p.set("plain", "a b=c:d#e!")
	p.set("odd key", ` leading \ and ü ☃ 😀`+"\nline")
	assert.Equal(t, "plain=a b=c:d#e!\n"+
		`odd\ key=\ leading \\ and \u00fc \u2603 \ud83d\ude00\u000aline`+"\n", string(p.text()))
}

func TestJAASQuote(t *testing.T) {
	assert.Equal(t, `"a \"b\" \\ \012 ü"`, jaasQuote("a \"b\" \\ \n ü"))
}

// A password of PLAIN can be changed of users that there are, to one that SASL carries.
func TestSetPlainPassword_refuses(t *testing.T) {
	users := []user{{"ann", "pencil", []settings.Method{settings.Plain}}, {"bob", "pencil", []settings.Method{settings.SCRAMSHA512}}}
	for name, tt := range map[string]struct {
		user, password string
		documented     bool
		want           string
	}{
		"nobody":           {user: "carl", password: "crayon", want: `no user "carl" of PLAIN`},
		"a user of SCRAM":  {user: "bob", password: "crayon", want: `no user "bob" of PLAIN`},
		"no password":      {user: "ann", want: "a password is empty"},
		"a NUL":            {user: "ann", password: "cra\x00yon", want: "NUL"},
		"documented setup": {user: "ann", password: "crayon", documented: true, want: `no user "ann" of PLAIN`},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Cluster{opts: options{users: slices.Clone(users), documented: tt.documented}}
			assert.ErrorContains(t, c.SetPlainPassword(tt.user, tt.password), tt.want)
			assert.Equal(t, users, c.opts.users)
		})
	}
}
