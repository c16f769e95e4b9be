//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package connect

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pipe, such as the /dev/fd/63 of a shell, gives its content once: to read it again
// would wait for ever.
func TestReread_pipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "password")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if assert.NoError(t, err) {
			_, err = w.WriteString("first\n")
			assert.NoError(t, err)
			assert.NoError(t, w.Close())
		}
	}()
	s := somewhere
	s.UserName, s.PasswordFile = "ann", pipe
	p := probeOf(t, s, Options{})
	for range 2 {
		assert.Equal(t, "first", configOf(t, p).Net.SASL.Password)
	}
}
