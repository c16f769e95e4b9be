package carry

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/replay"
)

// Archives brings archives, by the paths that are their names, into the spool of f, at
// rate batches a second at most (0: no limit), and tells out what became of each. What is
// no batch goes to the file bad.
func Archives(ctx context.Context, f *forwarder.Forwarder, paths []string, bad string, rate float64, out io.Writer) error {
	for _, path := range paths {
		files, err := Archive(path)
		if err != nil {
			return err
		}
		o := replay.Options{Files: files, Name: path, Bad: bad, Rate: rate, Progress: os.Stderr}
		r, err := replay.Run(ctx, f, o)
		if fmt.Fprintf(out, "%s: stored %d, bad %d\n", path, r.Stored, r.Bad); err != nil {
			return err
		}
	}
	return nil
}

// Archive returns the files below a folder, or a file as the only one of its folder.
func Archive(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return os.DirFS(path), err
	}
	return oneFile{os.DirFS(filepath.Dir(path)), info}, nil
}

// A oneFile lists one of the files of a folder.
type oneFile struct {
	fs.FS

	info fs.FileInfo
}

// ReadDir has fs.WalkDir find the one file.
func (f oneFile) ReadDir(string) ([]fs.DirEntry, error) {
	return []fs.DirEntry{fs.FileInfoToDirEntry(f.info)}, nil
}
