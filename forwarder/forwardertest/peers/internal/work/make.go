package work

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// A Size is one kind of message.
type Size struct {
	Name   string
	Events int  // of a batch, before the settings drop some
	Bytes  int  // about, of a message; 0: as it comes
	Small  bool // most of the envelope is missing
}

// Sizes are all that are measured, the smallest first.
func Sizes() []Size { return []Size{KiB1(), KB9(), KB64()} }

// KiB1 is what a message with a single event and little else has.
func KiB1() Size { return Size{"1 KiB", 1, 1024, true} }

// KB9 is a usual batch.
func KB9() Size { return Size{"9 KB", 13, 9000, false} }

// KB64 is the batch of a busy hour.
func KB64() Size { return Size{"64 KB", 112, 64_000, false} }

// UniqueID is the setting of that name in all runs.
const UniqueID = "eventferry-peers"

// Switches turns on all that the connection settings can cut or add and that
// leaves a batch of this size: what they do to each batch is what the others
// are spared.
func Switches(s *settings.Settings) {
	s.UniqueID = UniqueID
	s.MetadataFieldExclusion = []settings.MetadataField{settings.DeviceName, settings.IPAddress}
	s.IncludeLocationInformation = settings.Off
	s.SendNetworkPerformanceEvents = settings.Off
}

// Dropped reports whether Switches and the defaults drop events of this type.
func Dropped(eventType string) bool {
	return eventType == "network_performance" || eventType == "user_attribute_change" || eventType == "user_identity_change"
}

// edit does by hand what the settings of Switches do, and the defaults with it.
func edit(b *batch.Batch) error {
	b.DropEvents("not sent", func(e batch.Event) bool { return Dropped(e.Type()) })
	var errs []error
	for _, e := range b.Events() {
		errs = append(errs, e.At("data", "location").Remove())
	}
	for _, path := range [][]string{{"context", "location"}, {"device_info", "device"}, {"ip"}, {"mp_deviceid"}} {
		errs = append(errs, b.At(path...).Remove())
	}
	return errors.Join(append(errs, b.At("unique_id").Set(UniqueID))...)
}

// Make returns n messages. The same arguments give the same messages.
func Make(ctx context.Context, size Size, n int) ([]*Item, error) {
	items := make([]*Item, 0, n)
	users := map[int64]bool{}
	for seed := uint64(1); len(items) < n; seed++ {
		for _, data := range testbatch.Batches(min(n, 64), size.Events, seed) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			i, user, err := newItem(data, size)
			if err != nil {
				return nil, err
			}
			if i != nil && len(items) < n && !users[user] {
				users[user] = true
				items = append(items, i)
			}
		}
	}
	return items, nil
}

// newItem returns nil for a batch of which the settings leave no event, or one
// of another size.
func newItem(data []byte, size Size) (*Item, int64, error) {
	b, err := batch.Parse(data)
	if err != nil {
		return nil, 0, fmt.Errorf("work: %w", err)
	}
	user, _ := b.UserID()
	zeros := strings.Repeat("0", Digits)
	err = b.At("message_id").Set(fmt.Sprint(zeros, "-", user)) // two batches never have the same one
	if size.Small {
		for _, name := range []string{"user_identities", "user_attributes", "device_info", "application_info", "integration_attributes", "partner_identities", "source_info", "context"} {
			err = errors.Join(err, b.At(name).Remove())
		}
	}
	for _, e := range b.Events() {
		if size.Small {
			err = errors.Join(err, e.At("data", "device_current_state").Remove())
		}
	}
	i := &Item{Key: strconv.AppendInt(nil, user, 10), Input: b.AppendJSON(nil)}
	if err = errors.Join(err, edit(b)); err != nil {
		return nil, 0, fmt.Errorf("work: %w", err)
	}
	kept := 0
	for range b.Events() {
		kept++
	}
	if kept == 0 {
		return nil, 0, nil
	}
	i.Value = b.AppendJSON(nil)
	if off := len(i.Value) - size.Bytes; size.Bytes > 0 && max(off, -off)*8 > size.Bytes {
		return nil, 0, nil
	}
	i.inInput = numberIn(i.Input)
	i.inValue = numberIn(i.Value)
	if i.inInput < 0 || i.inValue < 0 {
		return nil, 0, fmt.Errorf("work: a batch has no number: %s", b)
	}
	return i, user, nil
}

// numberIn is where the number of a message begins, -1 if it has none.
func numberIn(data []byte) int {
	member := []byte(`"message_id":"`)
	at := bytes.Index(data, member)
	if at < 0 || at+len(member)+Digits > len(data) {
		return -1
	}
	return at + len(member)
}
