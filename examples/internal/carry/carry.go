// Package carry empties the folder of a spool: that of a service that is gone, or one
// through which an archive goes.
package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// Find returns an error if dir has no spool: [Through] makes one then. A spool that has
// lost its control file is one, as long as a segment is there: there may be batches in it.
func Find(dir string) error {
	_, err := os.Stat(filepath.Join(dir, "control"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files, _ := os.ReadDir(dir) // err tells of a folder that is not there
	if slices.ContainsFunc(files, func(f fs.DirEntry) bool { return strings.HasPrefix(f.Name(), "segment-") }) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNoSpool, err)
}

// ErrNoSpool is the error of [Find] if there is none.
var ErrNoSpool = errors.New("there is no spool")

// Through opens the spool in dir, has fill bring batches, and returns nil once Kafka
// has all that the folder holds. open makes the forwarder. What is left is told to out:
// it stays in the folder, and is an error. So are messages that brokers have refused,
// and damage.
func Through(ctx context.Context, dir string, maxBytes int64, log *slog.Logger, out io.Writer,
	open func(context.Context, ...forwarder.Option) (*forwarder.Forwarder, error), fill func(*forwarder.Forwarder) error,
) error {
	sp, err := spool.Open(ctx, dir, spool.Options{MaxBytes: maxBytes, Logger: log})
	if err != nil {
		return err
	}
	defer sp.Close()
	f, err := open(ctx, forwarder.WithSpool(sp), forwarder.WithLogger(log))
	if err == nil {
		defer f.Close()
		if err = fill(f); err == nil {
			err = f.Shutdown(ctx) // what ctx does not wait for stays in the folder
		}
	}
	left := sp.Stats()
	_, printed := fmt.Fprintf(out, "left to send %d, refused %d, damaged %d\n", left.Messages, left.Refused, left.Damaged)
	if err == nil && left.Messages+left.Refused+left.Damaged > 0 {
		err = fmt.Errorf("%s is not empty: keep it", dir)
		if left.Refused > 0 {
			err = fmt.Errorf("%w; gateway refused -config FILE %s lists what was refused, puts it again and discards it", err, dir)
		}
	}
	return errors.Join(err, printed)
}
