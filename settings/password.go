package settings

import (
	"bytes"
	"io"
	"os"
)

// maxPasswordFile is far above any password: a larger file is not a password
// file.
const maxPasswordFile = 64 << 10

// ReadPassword returns the password: the content of password_file where s names
// one, else the password in s, which may be unset. It reads the file at every
// call, so it returns a changed password. Its errors are [*FieldError] and hold
// nothing of the password.
func (s Settings) ReadPassword() (Secret, error) {
	if s.PasswordFile == "" {
		return s.Password, nil
	}
	bad := func(reason string, err error) (Secret, error) {
		return Secret{}, &FieldError{Field: "password_file", Value: s.PasswordFile, Reason: reason, Err: err}
	}
	if s.Password.IsSet() {
		return bad(passwordTwice, nil)
	}
	f, err := os.Open(s.PasswordFile)
	if err != nil {
		return bad("cannot be read", withoutPath(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPasswordFile+1))
	if err != nil {
		return bad("cannot be read", withoutPath(err))
	}
	if line, ok := bytes.CutSuffix(text, []byte("\n")); ok {
		text = bytes.TrimSuffix(line, []byte("\r"))
	}
	switch {
	case len(text) == 0:
		return bad("is empty", nil)
	case len(text) > maxPasswordFile:
		return bad("is too large to be a password", nil)
	}
	password := NewSecret(string(text))
	if reason := badPassword(password); reason != "" {
		return bad(reason, nil)
	}
	return password, nil
}

const passwordTwice = "must not be set when password is"

// badPassword says what is wrong with password, without showing it.
func badPassword(password Secret) string {
	if text := password.Reveal(); text != redacted {
		return badCredential(text)
	}
	return errRedacted.Error()
}
