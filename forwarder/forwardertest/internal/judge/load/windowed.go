package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Devices is how many devices an owner has: no device, and two.
const Devices = 3

// versionEvery is after how many numbers all that an owner's batches say of themselves
// changes.
const versionEvery = 40

// closesOneIn is of how many events one closes the window of its device.
const closesOneIn = 60

// Device returns which device of its owner a batch is of; 0: it names none. Without
// windows all are of device 0.
func (p Params) Device(owner int, n uint32) int {
	if !p.Windows {
		return 0
	}
	const noneOneIn = 8
	x := mix(p.Seed^4, uint64(owner)<<32|uint64(n)) //nolint:gosec // not negative
	if x%noneOneIn == 0 {
		return 0
	}
	return 1 + int(x/noneOneIn%(Devices-1))
}

// Joins reports whether two batches may leave in one message.
func (p Params) Joins(a, b Batch) bool {
	device := p.Device(a.Owner, a.N)
	return a.Owner == b.Owner && device != 0 && device == p.Device(b.Owner, b.N) && a.N/versionEvery == b.N/versionEvery
}

// closes reports whether an event closes the window of its device.
func (p Params) closes(id uint32, i int) bool {
	return p.Windows && mix(p.Seed^5, uint64(id)<<8|uint64(i))%closesOneIn == 0 //nolint:gosec // small
}

// Closes reports whether nothing may be in a message behind these events of a batch.
func (p Params) Closes(id uint32, from, to int) bool {
	for i := from; i < to; i++ {
		if p.closes(id, i) {
			return true
		}
	}
	return false
}

// appendHead appends what is in front of the events of a batch for windows, where only
// batch_id and timestamp_unixtime_ms may differ.
func (p Params) appendHead(dst []byte, b Batch) []byte {
	dst = append(dst, `{"schema_version":2,"batch_id":"`...)
	dst = appendNumbers(dst, b)
	dst = append(dst, `","application_info":{"application_version":"`...)
	dst = strconv.AppendUint(dst, uint64(b.N/versionEvery), 10)
	dst = append(dst, `"}`...)
	if user := p.User(b.Owner); user != 0 {
		dst = fmt.Appendf(dst, `,"mpid":"%d"`, user)
	}
	if d := p.Device(b.Owner, b.N); d != 0 {
		dst = fmt.Appendf(dst, `,"mp_deviceid":"%s"`, deviceName(b.Owner, d))
	}
	return append(dst, `,"events":[`...)
}

func deviceName(owner, device int) string { return fmt.Sprintf("%d/%d", owner, device) }

// appendTail appends what is behind the events.
func (Params) appendTail(dst []byte, b Batch) []byte {
	return fmt.Appendf(dst, `],"environment":"development","timestamp_unixtime_ms":%d}`, b.N)
}

// appendNumbers appends the three numbers of a batch.
func appendNumbers(dst []byte, b Batch) []byte {
	return fmt.Appendf(dst, "%d-%d-%d", b.Owner, b.N, b.ID)
}

// A Piece is events of one batch, one behind the other, in a message.
type Piece struct {
	Batch
	From, To int
	Value    []byte // that a message with nothing else would have
}

// Unfold takes a message apart that may have events of several batches.
func (p Params) Unfold(value []byte) ([]Piece, error) {
	var message struct{ Events []json.RawMessage }
	if err := json.Unmarshal(value, &message); err != nil {
		return nil, fmt.Errorf("load: no batch: %w", err)
	}
	var list []Piece
	for _, text := range message.Events {
		b, i, err := readEvent(text)
		if err != nil {
			return nil, err
		}
		if last := len(list) - 1; last >= 0 && list[last].Batch == b && list[last].To == i {
			list[last].To++
			list[last].Value = append(append(list[last].Value, ','), text...)
			continue
		}
		list = append(list, Piece{Batch: b, From: i, To: i + 1, Value: append(p.appendHead(nil, b), text...)})
	}
	for i := range list {
		list[i].Value = p.appendTail(list[i].Value, list[i].Batch)
	}
	return list, nil
}

// readEvent takes from an event which one it claims to be. It trusts nothing: what is
// wrong shows when the bytes are compared.
func readEvent(text []byte) (b Batch, i int, err error) {
	var event struct{ Data struct{ ID, Batch string } }
	if err := json.Unmarshal(text, &event); err != nil {
		return b, 0, fmt.Errorf("load: no event: %w", err)
	}
	if _, err := fmt.Sscanf(event.Data.Batch, "%d-%d-%d", &b.Owner, &b.N, &b.ID); err != nil {
		return b, 0, fmt.Errorf("load: an event of no batch: %w", err)
	}
	if _, err := fmt.Sscanf(event.Data.ID, fmt.Sprintf("%d-%%d", b.ID), &i); err != nil || i < 0 || i >= MaxEvents {
		return b, 0, fmt.Errorf("load: an event without a place in its batch: %q", event.Data.ID)
	}
	return b, i, nil
}

// Mixed says what is wrong with a message as that of a window; "" if it is one: all of
// its batches may be together, the rest of it is that of the last, and nothing is
// behind an event that closes.
func (p Params) Mixed(value []byte, pieces []Piece) string {
	if len(pieces) == 0 {
		return "no event"
	}
	last := pieces[len(pieces)-1]
	if !bytes.HasPrefix(value, p.appendHead(nil, last.Batch)) || !bytes.HasSuffix(value, p.appendTail(nil, last.Batch)) {
		return fmt.Sprintf("around the events it is not id %d of owner %d number %d, the last", last.ID, last.Owner, last.N)
	}
	if len(value) > p.MaxMessageBytes && p.MaxMessageBytes > 0 {
		return fmt.Sprintf("%d bytes, and the limit is %d", len(value), p.MaxMessageBytes)
	}
	for _, one := range pieces {
		switch {
		case one.Batch == last.Batch:
		case !p.Joins(one.Batch, last.Batch):
			return fmt.Sprintf("id %d of owner %d number %d is together with id %d of owner %d number %d", one.ID, one.Owner, one.N, last.ID, last.Owner, last.N)
		case p.Closes(one.ID, one.From, one.To):
			return fmt.Sprintf("id %d of owner %d number %d closes its window, and something is behind it", one.ID, one.Owner, one.N)
		}
	}
	return ""
}
