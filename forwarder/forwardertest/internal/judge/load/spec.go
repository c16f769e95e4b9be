// Package load is the workload of a judge's run: batches whose bytes follow
// from a few numbers, so that a reader can tell what they must be,
// and the program that forwards them.
package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
)

// A Shape is what a batch is there to exercise.
type Shape uint8

// The shapes.
const (
	Plain    Shape = iota
	Split          // more than one message
	TooLarge       // one of its events fits into no message
)

// Params are what all batches of a run have in common.
type Params struct {
	Seed    uint64
	Users   int // owners 0 to Users-1 have a user id each
	Keyless int // as many further owners forward batches without one
	Stress  bool
	Named   bool // batches have a message_id, which a resend keeps
	Topics  int  // to which events are routed; 0 or 1: none
	Windows bool // batches gather: they have devices, and nothing but two members and the events is of one batch only
	// MaxMessageBytes is that of the forwarder, for the shapes that exceed it.
	MaxMessageBytes int
}

// Owners is the number of goroutines that forward.
func (p Params) Owners() int { return p.Users + p.Keyless }

// User returns the user id of an owner, 0 for none. They spread over all of
// int64.
func (p Params) User(owner int) int64 {
	if owner >= p.Users {
		return 0
	}
	return int64(mix(p.Seed, uint64(owner)) | 1) //nolint:gosec // any 64 bits will do
}

// One in so many batches is split, or too large.
const oddOneIn = 1000

// Shape returns that of a batch.
func (p Params) Shape(id uint32) Shape {
	if !p.Stress {
		return Plain
	}
	switch mix(p.Seed^1, uint64(id)) % oddOneIn {
	case 0:
		return Split
	case 1:
		return TooLarge
	default:
		return Plain
	}
}

// Events returns how many events a batch has.
func (p Params) Events(id uint32) int {
	h := mix(p.Seed^2, uint64(id))
	switch p.Shape(id) {
	case Split:
		return 12 + int(h%13)
	case TooLarge:
		return 3
	default:
		return 1 + int(h%6)
	}
}

// MaxEvents is more than any batch has.
const MaxEvents = 32

// A Batch is one batch at one attempt: a resend keeps the id and takes a new
// number.
type Batch struct {
	Owner int
	N     uint32
	ID    uint32
}

// Append appends the JSON of a batch, with the events from one to another.
func (p Params) Append(dst []byte, b Batch, from, to int) []byte {
	if p.Windows {
		return p.appendTail(p.appendEvents(p.appendHead(dst, b), b, from, to), b)
	}
	dst = append(dst, `{"judge":{"owner":`...)
	dst = strconv.AppendInt(dst, int64(b.Owner), 10)
	dst = append(dst, `,"n":`...)
	dst = strconv.AppendUint(dst, uint64(b.N), 10)
	dst = append(dst, `,"id":`...)
	dst = strconv.AppendUint(dst, uint64(b.ID), 10)
	dst = append(dst, '}')
	if p.Named {
		dst = append(dst, `,"message_id":"`...)
		dst = strconv.AppendUint(dst, uint64(b.ID), 10)
		dst = append(dst, '"')
	}
	if user := p.User(b.Owner); user != 0 {
		dst = append(dst, `,"mpid":"`...)
		dst = strconv.AppendInt(dst, user, 10)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"events":[`...)
	dst = p.appendEvents(dst, b, from, to)
	return append(dst, `],"schema_version":2,"environment":"development"}`...)
}

func (p Params) appendEvents(dst []byte, b Batch, from, to int) []byte {
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		dst = p.appendEvent(dst, b, i)
	}
	return dst
}

func (p Params) appendEvent(dst []byte, b Batch, i int) []byte {
	dst = append(dst, `{"event_type":"`...)
	dst = append(dst, p.eventType(b.ID, i)...)
	dst = append(dst, `","data":{"event_name":"judged","id":"`...)
	dst = strconv.AppendUint(dst, uint64(b.ID), 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, int64(i), 10)
	if p.Windows {
		dst = append(dst, `","batch":"`...)
		dst = appendNumbers(dst, b)
	}
	dst = append(dst, `","custom_attributes":{"text":"`...)
	dst = appendText(dst, mix(p.Seed^3, uint64(b.ID)<<8|uint64(i)), p.eventBytes(b.ID, i)) //nolint:gosec // small
	return append(dst, `"}}}`...)
}

func (p Params) eventBytes(id uint32, i int) int {
	const small = 40
	switch {
	case p.Shape(id) == Split:
		return p.MaxMessageBytes / 7
	case p.Shape(id) == TooLarge && i == 1:
		return p.MaxMessageBytes
	default:
		return small
	}
}

// Canary begins each text of a payload: no log and no error may contain it.
const Canary = "c4n4ry"

// appendText appends n letters and digits.
func appendText(dst []byte, state uint64, n int) []byte {
	const digits, perWord = "0123456789abcdefghijklmnopqrstuv", 12
	dst = append(dst, Canary...)
	for n > 0 {
		state = mix(state, 0)
		for bits, k := state, min(n, perWord); k > 0; k-- {
			dst = append(dst, digits[bits%32])
			bits /= 32
		}
		n -= perWord
	}
	return dst
}

// ReadBatch takes from a message which batch it claims to be.
func ReadBatch(value []byte) (Batch, bool) {
	var b Batch
	rest := value
	number := func(before string, most uint64) (n uint64) {
		var ok bool
		if rest, ok = bytes.CutPrefix(rest, []byte(before)); !ok {
			rest = nil
			return 0
		}
		end := 0
		for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
			end++
		}
		n, err := strconv.ParseUint(string(rest[:end]), 10, 64)
		if err != nil || n > most {
			rest = nil
			return 0
		}
		rest = rest[end:]
		return n
	}
	b.Owner = int(number(`{"judge":{"owner":`, math.MaxInt32)) //nolint:gosec // at most that
	b.N = uint32(number(`,"n":`, math.MaxUint32))              //nolint:gosec // at most that
	b.ID = uint32(number(`,"id":`, math.MaxUint32))            //nolint:gosec // at most that
	return b, rest != nil
}

// FirstEvent takes from a message which event of its batch is the first in it,
// and how many there are. It trusts nothing: what is wrong shows when the bytes
// are compared.
func FirstEvent(value []byte) (first, n int) {
	mark := []byte(`"event_name":"judged","id":"`)
	n = bytes.Count(value, mark)
	_, rest, _ := bytes.Cut(value, mark)
	_, rest, _ = bytes.Cut(rest, []byte("-"))
	index, _, _ := bytes.Cut(rest, []byte(`"`))
	first, err := strconv.Atoi(string(index))
	if err != nil || first < 0 || first > MaxEvents {
		return 0, 0
	}
	return first, min(n, MaxEvents)
}

// Hash is the beginning of the SHA-256 of a batch's bytes.
func Hash(data []byte) uint64 {
	sum := sha256.Sum256(data)
	return binary.BigEndian.Uint64(sum[:])
}

// mix is splitmix64: any two inputs give unrelated numbers.
func mix(seed, x uint64) uint64 {
	z := seed + (x+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
