package spoolstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// The control file has two halves. One is written to: a head, a ledger, and
// records that change it, in blocks that begin at sectors. When the half is
// full, or a write or a sync of it has failed, a new ledger begins the other
// one. So the control file never needs room that the disk may not have, and
// never waits for the data log. The file of tags (see tags.go) is one of the
// same kind, with a magic of its own.
//
// A head, written and synced after its ledger:
//
//	 0  8  magic
//	 8  4  format version
//	12  4  CRC32C of bytes 16 to 32
//	16  8  generation: the half with the higher one counts
//	24  8  size of a half
//
// A block:
//
//	 0  4  length of the records
//	 4  4  CRC32C of bytes 8 to the end, so that blocks of former generations do not count
//	 8  8  generation
//	16  8  offset in the half
//	24     records
const (
	controlName  = "control"
	controlMagic = "EVFCTRL\x00"
	sector       = 512
	headSize     = 32
	blockHeader  = 24
	keptBuffer   = 1 << 20 // a longer one is for a ledger, which is rare
)

// A control is the control file, or another in two halves. Only one goroutine
// uses it at a time.
type control struct {
	file       disk.File
	magic      string
	half       int64 // size of a half
	active     int   // the half that is written to
	generation uint64
	at         int64 // in the half, where the next block goes
	failed     bool  // the active half takes no more blocks
	buf        []byte
}

var errNoLedger = errors.New("neither half of the control file is intact")

func createControl(fs disk.FS, name, magic string, half int64) (*control, error) {
	f, err := fs.Create(name, 2*half)
	if err != nil {
		return nil, err
	}
	return &control{file: f, magic: magic, half: half, failed: true}, nil
}

// openControl gives what a control file says to apply, block by block. Damaged
// says that the half with the newer ledger, or a block of it, could not be read,
// so that what it says is older than it should be.
func openControl(fs disk.FS, name, magic string, apply func([]byte) error) (c *control, damaged bool, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, false, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	c = &control{file: f, magic: magic, half: size / 2}
	heads, err := c.heads()
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	first := 0
	if heads[1] > heads[0] {
		first = 1
	}
	for _, half := range []int{first, 1 - first} {
		if heads[half] == 0 {
			continue
		}
		c.active, c.generation = half, heads[half]
		ok, err := c.replay(apply)
		if err != nil {
			return nil, false, errors.Join(err, f.Close())
		}
		if ok {
			more, err := c.outdated()
			if err != nil {
				return nil, false, errors.Join(err, f.Close())
			}
			return c, damaged || more, nil
		}
		damaged = true
	}
	c.at, c.generation = sector, max(heads[0], heads[1])
	if _, err := c.outdated(); err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	c.failed = true
	return c, true, errNoLedger
}

// heads returns the generations of both halves; 0: no intact head.
func (c *control) heads() (generations [2]uint64, err error) {
	for half := range generations {
		b := make([]byte, headSize)
		if n, err := c.file.ReadAt(b, c.base(half)); n < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				continue
			}
			return generations, err
		}
		if string(b[:8]) != c.magic || binary.LittleEndian.Uint32(b[12:]) != checksum(b[16:]) {
			continue
		}
		if v := binary.LittleEndian.Uint32(b[8:]); v > plainVersion {
			return generations, &VersionError{Found: int(v), Known: plainVersion}
		}
		if binary.LittleEndian.Uint64(b[24:]) != uint64(c.half) { //nolint:gosec // a size
			continue
		}
		generations[half] = binary.LittleEndian.Uint64(b[16:])
	}
	return generations, nil
}

func (c *control) base(half int) int64 { return int64(half) * c.half }

// replay gives the active half to apply. It reports false if its ledger is not
// intact.
func (c *control) replay(apply func([]byte) error) (bool, error) {
	c.at = sector
	found := false
	for {
		b, err := c.block()
		if err != nil {
			return false, err
		}
		if b == nil {
			return found, nil
		}
		if !found && b[0] != recordLedger {
			return false, nil
		}
		if err := apply(b); err != nil {
			return false, err
		}
		found = true
		c.at += blockSize(len(b))
	}
}

func blockSize(records int) int64 {
	return int64((blockHeader + records + sector - 1) / sector * sector)
}

// block returns the records of the block at c.at; nil if there is no intact one.
func (c *control) block() ([]byte, error) {
	if c.at+sector > c.half {
		return nil, nil
	}
	head := make([]byte, blockHeader)
	if n, err := c.file.ReadAt(head, c.base(c.active)+c.at); n < len(head) {
		return nil, endIsNone(err)
	}
	length := int64(binary.LittleEndian.Uint32(head))
	if length == 0 || c.at+blockSize(int(length)) > c.half ||
		binary.LittleEndian.Uint64(head[8:]) != c.generation || binary.LittleEndian.Uint64(head[16:]) != uint64(c.at) { //nolint:gosec // an offset
		return nil, nil
	}
	b := make([]byte, blockHeader+length)
	if n, err := c.file.ReadAt(b, c.base(c.active)+c.at); n < len(b) {
		return nil, endIsNone(err)
	}
	if binary.LittleEndian.Uint32(b[4:]) != checksum(b[8:]) {
		return nil, nil
	}
	return b[blockHeader:], nil
}

func endIsNone(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// room reports whether the active half takes a block with so many bytes of
// records.
func (c *control) room(records int) bool {
	return !c.failed && c.at+blockSize(records) <= c.half
}

// write appends a block and returns when it is durable. After an error the
// active half takes no more.
func (c *control) write(records []byte) error {
	b := c.encode(records)
	if _, err := c.file.WriteAt(b, c.base(c.active)+c.at); err != nil {
		c.failed = true
		return err
	}
	if err := c.file.Sync(); err != nil {
		c.failed = true
		return err
	}
	c.at += int64(len(b))
	return nil
}

// encode makes the block for c.at.
func (c *control) encode(records []byte) []byte {
	size := int(blockSize(len(records)))
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	b := c.buf[:size]
	clear(b)
	binary.LittleEndian.PutUint32(b, uint32(len(records))) //nolint:gosec // below a half
	binary.LittleEndian.PutUint64(b[8:], c.generation)
	binary.LittleEndian.PutUint64(b[16:], uint64(c.at)) //nolint:gosec // an offset
	copy(b[blockHeader:], records)
	binary.LittleEndian.PutUint32(b[4:], checksum(b[8:blockHeader+len(records)]))
	return b
}

// begin makes the other half the active one, with a ledger, and returns when
// that is durable. After an error neither half takes blocks until a later call
// has succeeded: the one that failed may count nevertheless.
func (c *control) begin(ledger []byte) error {
	next := *c
	c.failed = true
	next.active, next.generation, next.at, next.failed = 1-c.active, c.generation+1, sector, false
	if sector+blockSize(len(ledger)) > c.half {
		return fmt.Errorf("%d bytes of state do not fit into a half of the file", len(ledger))
	}
	b := next.encode(ledger)
	if _, err := c.file.WriteAt(b, next.base(next.active)+next.at); err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	next.at += int64(len(b))
	c.generation = next.generation
	head := make([]byte, sector)
	copy(head, c.magic)
	binary.LittleEndian.PutUint32(head[8:], plainVersion)
	binary.LittleEndian.PutUint64(head[16:], next.generation)
	binary.LittleEndian.PutUint64(head[24:], uint64(c.half)) //nolint:gosec // a size
	binary.LittleEndian.PutUint32(head[12:], checksum(head[16:headSize]))
	if _, err := c.file.WriteAt(head, next.base(next.active)); err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	if *c = next; len(c.buf) > keptBuffer {
		c.buf = nil
	}
	return nil
}
