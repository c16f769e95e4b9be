//go:build unix

package settings_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// A certificate and its key may be replaced between the reading of the two.
func TestTLS_replacedWhileRead(t *testing.T) {
	before, after := newIdentity(t, "before", nil), newIdentity(t, "after", nil)
	pipe := filepath.Join(t.TempDir(), "cert.pem")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	key := file(t, "key.pem", before.keyPEM...)
	replaced := make(chan error, 1)
	go func() {
		replaced <- func() error {
			cert, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for a reader
			if err != nil {
				return err
			}
			if _, err := cert.Write(before.certPEM); err != nil {
				return err
			}
			if err := os.WriteFile(key, after.keyPEM, 0o600); err != nil {
				return err
			}
			if err := os.WriteFile(pipe+".next", after.certPEM, 0o600); err != nil {
				return err
			}
			if err := os.Rename(pipe+".next", pipe); err != nil {
				return err
			}
			return cert.Close() // now it reads the key
		}()
	}()
	c, err := settings.TLS{CertFile: pipe, KeyFile: key}.Config()
	require.NoError(t, <-replaced)
	require.NoError(t, err)
	require.Len(t, c.Certificates, 1)
	assert.Equal(t, after.cert.Raw, c.Certificates[0].Certificate[0])
}
