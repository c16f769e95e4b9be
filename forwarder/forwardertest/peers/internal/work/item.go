package work

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// An Item is one message of a pool, and the only one of its user. Its sender
// may change it again when it is acknowledged.
type Item struct {
	Key   []byte
	Input []byte // the batch that the forwarder is given
	Value []byte // the message that it makes of it

	inInput, inValue int // where the number is
	count            uint64
}

// Next counts the number up, in the input and in the value.
func (i *Item) Next() {
	i.count++
	put(i.Input[i.inInput:], i.count)
	put(i.Value[i.inValue:], i.count)
}

func put(to []byte, n uint64) {
	for at := Digits - 1; at >= 0; at-- {
		to[at] = byte('0' + n%10)
		n /= 10
	}
}

const fields = 5 // before the bytes of an item

// Save writes a pool.
func Save(path string, items []*Item) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("work: %w", err)
	}
	w := bufio.NewWriter(f)
	for _, i := range items {
		for _, n := range []int{len(i.Key), len(i.Input), len(i.Value), i.inInput, i.inValue} {
			_ = binary.Write(w, binary.BigEndian, uint32(n)) //nolint:gosec // small; Flush returns errors
		}
		for _, b := range [][]byte{i.Key, i.Input, i.Value} {
			_, _ = w.Write(b) // Flush returns the error
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	return nil
}

// Load reads what Save has written.
func Load(path string) ([]*Item, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("work: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	r := bufio.NewReader(f)
	var items []*Item
	for {
		var n [fields]uint32
		switch err := binary.Read(r, binary.BigEndian, &n); {
		case errors.Is(err, io.EOF):
			return items, nil
		case err != nil:
			return nil, fmt.Errorf("work: %s: %w", path, err)
		}
		i := &Item{Key: make([]byte, n[0]), Input: make([]byte, n[1]), Value: make([]byte, n[2]), inInput: int(n[3]), inValue: int(n[4])}
		for _, b := range [][]byte{i.Key, i.Input, i.Value} {
			if _, err := io.ReadFull(r, b); err != nil {
				return nil, fmt.Errorf("work: %s: %w", path, err)
			}
		}
		items = append(items, i)
	}
}
