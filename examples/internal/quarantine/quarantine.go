// Package quarantine keeps what the example services refuse for ever.
package quarantine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/receiver"
)

// Folder returns a quarantine that keeps each body in a file of its own in dir, which
// must exist. A file is synced before its sender may forget the body.
func Folder(dir string) receiver.Quarantine {
	return func(_ context.Context, q receiver.Quarantined) error {
		f, err := os.CreateTemp(dir, time.Now().UTC().Format("20060102T150405.000-")+filepath.Base(q.Feed)+"-*.json")
		if err != nil {
			return err
		}
		_, err = f.Write(q.Body)
		return errors.Join(err, f.Sync(), f.Close())
	}
}
