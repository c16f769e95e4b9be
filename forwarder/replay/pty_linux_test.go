package replay

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A terminal gets the bar, and no lines.
func TestRun_progressOnTerminal(t *testing.T) {
	screen, terminal := openTerminal(t)
	var out bytes.Buffer
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(&out, screen) // fails when the terminal is closed
	}()
	_, err := newFakeSpool().replay(t.Context(), Options{
		Bad: filepath.Join(t.TempDir(), "bad"), Files: fstest.MapFS{"f": {Data: []byte("{}\n{}\n")}}, Progress: terminal,
	}, 10)
	require.NoError(t, err)
	require.NoError(t, terminal.Close())
	<-shown
	assert.Contains(t, out.String(), "1 of 1 files, 2 batches, 0 bad")
	assert.Contains(t, out.String(), "100%")
	assert.NotContains(t, out.String(), "replay: ")
}

// openTerminal opens a terminal of 200 columns. What is written to it can be read from the
// screen until it is closed.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals: ", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd()) //nolint:gosec // a file descriptor
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 200}))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return screen, terminal
}
