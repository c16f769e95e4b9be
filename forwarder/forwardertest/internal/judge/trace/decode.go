package trace

import (
	"encoding/binary"
	"time"
)

// A decoder takes a record apart. Once bad it returns zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) record() Record {
	r := Record{Kind: Kind(d.byte()), At: time.Duration(d.int()), Owner: int(d.int()), N: uint32(d.uint())} //nolint:gosec // as written
	switch r.Kind {
	case Invoke, Held:
		r.ID = uint32(d.uint()) //nolint:gosec // as written
		r.From, r.To = int(d.int()), int(d.int())
		r.Way = d.text()
		r.Hash = d.fixed()
	case Mark:
		r.Name = d.text()
		for range d.count() {
			r.Values = append(r.Values, d.int())
		}
	case Return, Late, Settled:
		r.Cause = d.text()
		r.SpoolID = d.uint()
		for range d.count() {
			r.Messages = append(r.Messages, Message{
				Outcome: Outcome(d.byte()), Partition: int32(d.int()), Offset: d.int(), //nolint:gosec // as written
			})
		}
	default:
		d.bad = true
	}
	return r
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.bad = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.rest)
	return v * int64(d.skip(n))
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.rest)
	return v * uint64(d.skip(n))
}

// skip returns 1, or 0 when there were not n bytes.
func (d *decoder) skip(n int) uint8 {
	if n <= 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return 1
}

func (d *decoder) fixed() uint64 {
	const size = 8
	if len(d.rest) < size {
		d.bad = true
		return 0
	}
	v := binary.BigEndian.Uint64(d.rest)
	d.rest = d.rest[size:]
	return v
}

// count is that of entries, each of which takes a byte or more.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.rest)) {
		d.bad = true
		return 0
	}
	return int(n) //nolint:gosec // checked
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}
