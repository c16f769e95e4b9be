package settings_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestReadPassword(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"as it is":          {password, password},
		"newline":           {password + "\n", password},
		"Windows newline":   {password + "\r\n", password},
		"one newline":       {password + "\n\n", password + "\n"},
		"spaces are kept":   {" " + password + " \t\n", " " + password + " \t"},
		"newline at front":  {"\n" + password, "\n" + password},
		"carriage return":   {password + "\r", password + "\r"},
		"the largest there": {strings.Repeat("p", 64<<10), strings.Repeat("p", 64<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Settings{UserName: "u", PasswordFile: file(t, "password", []byte(tc.content)...)}
			got, err := s.ReadPassword()
			require.NoError(t, err)
			assert.Equal(t, tc.want, got.Reveal())
		})
	}
}

func TestReadPassword_withoutFile(t *testing.T) {
	got, err := settings.Settings{Password: settings.NewSecret(password)}.ReadPassword()
	require.NoError(t, err)
	assert.Equal(t, password, got.Reveal())

	got, err = settings.Settings{}.ReadPassword()
	require.NoError(t, err)
	assert.False(t, got.IsSet())
}

func TestReadPassword_refuses(t *testing.T) {
	missing, folder := filepath.Join(t.TempDir(), "missing"), t.TempDir()
	for name, tc := range map[string]struct {
		settings settings.Settings
		reason   string
	}{
		"missing":   {settings.Settings{PasswordFile: missing}, "cannot be read"},
		"a folder":  {settings.Settings{PasswordFile: folder}, "cannot be read"},
		"empty":     {settings.Settings{PasswordFile: file(t, "p")}, "is empty"},
		"a newline": {settings.Settings{PasswordFile: file(t, "p", '\n')}, "is empty"},
		"too large": {settings.Settings{PasswordFile: file(t, "p", []byte(password+strings.Repeat("p", 64<<10))...)}, "is too large to be a password"},
		"twice":     {settings.Settings{PasswordFile: missing, Password: settings.NewSecret(password)}, "must not be set when password is"},
		"redacted":  {settings.Settings{PasswordFile: file(t, "p", []byte("[redacted]\n")...)}, "is the text [redacted]: the secret was lost when these settings were printed"},
		"not UTF-8": {settings.Settings{PasswordFile: file(t, "p", []byte(password+"\xff")...)}, "must be valid UTF-8"},
		"NUL":       {settings.Settings{PasswordFile: file(t, "p", []byte(password+"\x00")...)}, "holds a NUL, which SASL cannot carry"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.settings.ReadPassword()
			var m *settings.FieldError
			require.ErrorAs(t, err, &m)
			assert.Equal(t, []string{"password_file", tc.settings.PasswordFile, tc.reason}, []string{m.Field, m.Value, m.Reason})
			assertHidden(t, err.Error())
			assert.False(t, got.IsSet())
		})
	}
	_, err := settings.Settings{PasswordFile: missing}.ReadPassword()
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReadPassword_seesAChangedFile(t *testing.T) {
	path := file(t, "password", 'a')
	s := settings.Settings{PasswordFile: path}
	first, err := s.ReadPassword()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("b"), 0o600))
	second, err := s.ReadPassword()
	require.NoError(t, err)
	assert.Equal(t, "ab", first.Reveal()+second.Reveal())
}
