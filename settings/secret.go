package settings

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// redacted is the text that stands for a secret in all output.
const redacted = "[redacted]"

var errRedacted = errors.New("is the text " + redacted + ": the secret was lost when these settings were printed")

// A Secret holds a password and never prints it: every verb of fmt, JSON, other
// text encodings, and slog write [redacted], whatever the length. An unset
// secret writes nothing, which shows that it is unset. Gob finds nothing to
// encode and returns an error. The zero value is unset.
//
// The text lives in a closure. Packages that print by reflection without calling
// methods (fmt on an unexported field, testify's diffs) see only an address. The
// price: == does not compile, and reflect.DeepEqual and testify's Equal find two
// secrets equal only when both are unset. Use [Secret.Equal] or
// [Settings.Equal].
type Secret struct {
	reveal func() string // nil: unset
}

// NewSecret returns a secret that holds text. No text makes an unset secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal returns the text, or "" of an unset secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsSet reports whether s holds a text.
func (s Secret) IsSet() bool { return s.reveal != nil }

// Equal reports whether both hold the same text, or none. It takes a time that
// depends only on the lengths.
func (s Secret) Equal(other Secret) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// String returns [redacted], or "" of an unset secret.
func (s Secret) String() string {
	if !s.IsSet() {
		return ""
	}
	return redacted
}

// Format writes String for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt has no way to report it
}

// LogValue returns String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns String, for JSON and other encodings too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes text as the secret, and refuses [redacted], which stands
// where a secret once was. The error does not hold the text.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errRedacted
	}
	*s = NewSecret(string(text))
	return nil
}
