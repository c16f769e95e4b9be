package spoolstore

import (
	"encoding/binary"
	"errors"
	"io"
)

// newest returns the highest generation of an intact block in a half from an offset
// on; 0: there is none. Such a block was written after what stands before it was
// durable, so that it tells of damage before it.
func (c *control) newest(half int, from int64) (generation uint64, err error) {
	probe := control{file: c.file, half: c.half, active: half}
	chunk := make([]byte, max(0, min(c.half-from, readAhead)))
	for at := from; at < c.half; at += int64(len(chunk)) {
		n, err := c.file.ReadAt(chunk[:min(int64(len(chunk)), c.half-at)], c.base(half)+at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := 0; i+blockHeader <= n; i += sector {
			head := chunk[i:]
			probe.at, probe.generation = at+int64(i), binary.LittleEndian.Uint64(head[8:])
			if probe.generation <= generation || binary.LittleEndian.Uint64(head[16:]) != uint64(probe.at) { //nolint:gosec // an offset
				continue
			}
			b, err := probe.block()
			if err != nil {
				return 0, err
			}
			if b != nil {
				generation = probe.generation
			}
		}
		if n < len(chunk) {
			break
		}
	}
	return generation, nil
}

// outdated reports whether there is, or was, more than what the active half says up to
// c.at: blocks behind a damaged one, or a newer half whose head is damaged. A half with
// a ledger only may be one whose head was not written yet. The next generation is higher
// than any that is there, so that none of these blocks counts ever again.
func (c *control) outdated() (bool, error) {
	behind, err := c.newest(c.active, c.at)
	if err != nil {
		return false, err
	}
	other, err := c.newest(1-c.active, 2*sector)
	if err != nil {
		return false, err
	}
	known := c.generation
	c.generation = max(known, behind, other)
	return behind >= known || other > known, nil
}
