package refusals

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A password that is refused is said to have what editors and templates add to files.
// The final line ending is no part of it.
func TestRefused_passwordFile(t *testing.T) {
	k := forwardertest.NewKafka(t)
	for name, tt := range map[string]struct{ before, after, which string }{
		"a second line":     {"", "\nuser = mparticle\n", ", which has a second line"},
		"an empty line":     {"", "\n\n", ", which has a second line"},
		"a byte order mark": {"\ufeff", "\n", ", which begins with a byte order mark"},
		"blanks":            {"", " \n", ", which ends with blanks"},
		"another":           {"x", "\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
				s := k.SettingsFor(method)
				password := s.Password.Reveal()
				s.Password, s.PasswordFile = settings.Secret{}, filepath.Join(t.TempDir(), "password")
				require.NoError(t, os.WriteFile(s.PasswordFile, []byte(tt.before+password+tt.after), 0o600))
				err := within(t, time.Minute, func() error {
					_, err := forwarder.New(t.Context(), s)
					return err
				})
				require.ErrorContains(t, err, "wrong password (file "+strconv.Quote(s.PasswordFile)+tt.which+"), or the ")
				assert.NotContains(t, err.Error(), password)
			}
		})
	}
}
