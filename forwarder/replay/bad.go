package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unicode/utf8"
)

// A badEntry is a line of the file of what is no batch. The documentation of the
// package describes it.
type badEntry struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"` // where it begins in the text of the file
	End    int64  `json:"end"`
	Reason string `json:"reason"`
	// Refused reports whether it is a batch, which the forwarder refused.
	Refused bool   `json:"refused,omitempty"`
	Text    string `json:"text,omitempty"`  // its beginning, if that is UTF-8
	Bytes   []byte `json:"bytes,omitempty"` // its beginning otherwise
}

// A badKind is the entries of one file that are refused batches, or that are not.
type badKind struct {
	file    string
	refused bool
}

// A badFile is the file of what is no batch. Two goroutines write to it.
type badFile struct {
	path string

	mu      sync.Mutex
	file    *os.File
	last    map[badKind]int64 // the last entry; they come in the order of the file
	dirty   bool              // something in it is not synced
	created bool              // nor is its name
	added   int
}

// openBad reads what is in the file, and cuts off a line that was not finished.
func openBad(path string) (*badFile, error) {
	b := &badFile{path: path, last: map[badKind]int64{}}
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the caller's choice
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	b.file = f
	whole := int64(0)
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		var e badEntry
		if json.Unmarshal(line, &e) != nil {
			return nil, errors.Join(fmt.Errorf("replay: %s is another file: byte %d is not the beginning of an entry", path, whole), f.Close())
		}
		b.note(e)
		whole += int64(len(line))
	}
	if err := f.Truncate(whole); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

func (b *badFile) note(e badEntry) { b.last[badKind{e.File, e.Refused}] = e.Offset }

// add appends a piece, unless it is in the file. It is durable after sync.
func (b *badFile) add(p piece) error {
	e := badEntry{File: p.file, Offset: p.start, End: p.end, Reason: p.reason.Error(), Refused: p.batch != nil}
	if utf8.Valid(p.text) {
		e.Text = string(p.text)
	} else {
		e.Bytes = p.text
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if last, ok := b.last[badKind{e.File, e.Refused}]; ok && e.Offset <= last {
		return nil
	}
	var line bytes.Buffer
	text := json.NewEncoder(&line)
	text.SetEscapeHTML(false)
	if err := text.Encode(e); err != nil {
		return err
	}
	if b.file == nil {
		f, err := os.OpenFile(b.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		b.file, b.created = f, true
	}
	if _, err := b.file.Write(line.Bytes()); err != nil {
		return err
	}
	b.note(e)
	b.dirty = true
	b.added++
	return nil
}

// sync returns when all that was added is durable.
func (b *badFile) sync() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	if err := b.file.Sync(); err != nil {
		return err
	}
	if b.created {
		if err := syncFolder(filepath.Dir(b.path)); err != nil {
			return err
		}
	}
	b.dirty, b.created = false, false
	return nil
}

// syncFolder makes a new file's name durable. Windows has no such call.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (b *badFile) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.added
}

func (b *badFile) close() error {
	if b.file == nil {
		return nil
	}
	return errors.Join(b.sync(), b.file.Close())
}
