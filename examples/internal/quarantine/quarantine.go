// Package quarantine keeps what the example services refuse for ever.
package quarantine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/examples/internal/folder"
	"github.com/eventferry/eventferry/forwarder/receiver"
)

// Folder returns a quarantine that keeps each body in a file of its own in dir, which
// must exist. A file and its name are synced before its sender may forget the body. One
// that could not be written as a whole is removed.
func Folder(dir string) receiver.Quarantine {
	return func(_ context.Context, q receiver.Quarantined) error {
		f, err := os.CreateTemp(dir, time.Now().UTC().Format("20060102T150405.000-")+filepath.Base(q.Feed)+"-*.json")
		if err != nil {
			return err
		}
		if err := keep(f, q.Body); err != nil {
			return errors.Join(err, os.Remove(f.Name()))
		}
		return folder.Sync(dir)
	}
}

// keep writes and closes a file, and returns nil once it is durable.
func keep(f *os.File, body []byte) error {
	_, err := f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
