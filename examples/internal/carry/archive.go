package carry

import (
	"io/fs"
	"os"
	"path/filepath"
)

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
