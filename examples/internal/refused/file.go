package refused

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/eventferry/eventferry/examples/internal/folder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// writeFile writes the values of the chosen messages, or of all, to a new file that only
// its owner may read, one behind the other, each with a line end. It syncs the file and its
// name. A file that does not have all that could be read before is removed.
func writeFile(s *spool.Spool, chosen Choice, readable int, path string, out io.Writer) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	w, n := bufio.NewWriter(f), 0
	for m, err := range s.Refused() {
		if err != nil || chosen.Any() && !chosen.has(m.Number) {
			continue
		}
		n++
		_, _ = w.Write(m.Value) // w keeps the error
		_ = w.WriteByte('\n')
	}
	if n < readable {
		err = fmt.Errorf("%d of %d messages can be read no more: nothing was done", readable-n, readable)
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("-out: %w", errors.Join(err, os.Remove(path)))
	}
	if err := folder.Sync(filepath.Dir(path)); err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	_, err = fmt.Fprintf(out, "wrote %d to %s\n", n, path)
	return err
}
