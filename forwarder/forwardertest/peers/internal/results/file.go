package results

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fileSuffix ends the name of a run's file: JSON, compressed.
const fileSuffix = ".json.gz"

// FileName returns the name of a run's file, which says when it began.
func (r *Results) FileName() string { return strings.ReplaceAll(r.Began, ":", "") + fileSuffix }

// LoadAll reads all runs of a folder, the oldest first.
func LoadAll(dir string) ([]*Results, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+fileSuffix)) // sorted
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there is no run", dir)
	}
	var runs []*Results
	for _, file := range files {
		r, err := Load(file)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// RemoveOthers removes the runs of a folder that are not of this code.
func RemoveOthers(dir string, code Code) error {
	runs, err := LoadAll(dir)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if !r.IsOf(code) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, r.FileName())))
		}
	}
	return err
}

// Load reads what Save has written.
func Load(path string) (*Results, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r := new(Results)
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(r)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, z) // up to its checksum
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Save writes one run as compressed JSON. The file is replaced as a whole: when
// it is interrupted, the last one stays.
func (r *Results) Save(path string) error {
	var data bytes.Buffer
	z := gzip.NewWriter(&data)
	if err := errors.Join(json.NewEncoder(z).Encode(r), z.Close()); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data.Bytes())
	// Only its owner can read a temporary file; all may read this one.
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
