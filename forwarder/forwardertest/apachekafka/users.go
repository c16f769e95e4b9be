package apachekafka

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/eventferry/eventferry/settings"
)

// scramIterations is twice what Kafka takes by default and eventferry demands.
const scramIterations = 8192

// check refuses what Kafka has no way to be told, or could not be reached with.
func (u user) check() error {
	switch {
	case len(u.methods) == 0:
		return fmt.Errorf("apachekafka: user %q has no method", u.name)
	case u.name == "" || u.password == "":
		return fmt.Errorf("apachekafka: user %q: a name or a password is empty", u.name)
	case !utf8.ValidString(u.name) || strings.ContainsFunc(u.name, unicode.IsControl):
		return fmt.Errorf("apachekafka: user name %q: control characters or invalid UTF-8, which SASL has no way to carry", u.name)
	case !utf8.ValidString(u.password) || strings.Contains(u.password, "\x00"):
		return fmt.Errorf("apachekafka: password of user %q: NUL or invalid UTF-8, which SASL has no way to carry", u.name)
	case u.has(settings.SCRAMSHA256) || u.has(settings.SCRAMSHA512):
		return u.checkSCRAM()
	}
	return nil
}

// checkSCRAM refuses names that Kafka's server does not read from a SCRAM
// message (only ASCII), and those that mean something in --add-scram.
func (u user) checkSCRAM() error {
	odd := func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune(`,=[]"\ `, r) }
	if i := strings.IndexFunc(u.name, odd); i >= 0 {
		r, _ := utf8.DecodeRuneInString(u.name[i:])
		return fmt.Errorf("apachekafka: user name %q: SCRAM users cannot be given names with %q; take PLAIN only, or another name", u.name, r)
	}
	return nil
}

// plainUsers is the login module that knows the users of PLAIN.
func (c *Cluster) plainUsers() string {
	var b strings.Builder
	b.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, u := range c.opts.users {
		if u.has(settings.Plain) {
			b.WriteString(" " + jaasQuote("user_"+u.name) + "=" + jaasQuote(u.password))
		}
	}
	return b.String() + ";"
}

// jaasQuote quotes text for a JAAS entry, which Java's StreamTokenizer reads: it
// knows C's escapes, and no \u.
func jaasQuote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\%03o`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// scramUsers returns the arguments that put SCRAM users into a new cluster.
// Passwords go salted: as they are, few characters would pass the parser.
func (c *Cluster) scramUsers() ([]string, error) {
	var args []string
	for _, u := range c.opts.users {
		for _, m := range []settings.Method{settings.SCRAMSHA256, settings.SCRAMSHA512} {
			if !u.has(m) {
				continue
			}
			salt := make([]byte, 16)
			rand.Read(salt) // never fails
			salted, err := saltPassword(m, u.password, salt)
			if err != nil {
				return nil, err
			}
			args = append(args, "--add-scram", fmt.Sprintf(`%s=[name=%s,iterations=%d,salt="%s",saltedpassword="%s"]`,
				m, u.name, scramIterations, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(salted)))
		}
	}
	return args, nil
}

// saltPassword is Hi of RFC 5802, on the bytes of the password as Kafka takes
// them.
func saltPassword(m settings.Method, password string, salt []byte) ([]byte, error) {
	if m == settings.SCRAMSHA256 {
		return pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	}
	return pbkdf2.Key(sha512.New, password, salt, scramIterations, sha512.Size)
}
