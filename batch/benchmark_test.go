package batch

import (
	"fmt"
	"testing"
)

// BenchmarkBatch measures the steps of the way of one batch, for batches of
// several sizes: with the edits of the default settings, and with those of
// settings that remove all they can.
func BenchmarkBatch(b *testing.B) {
	for _, events := range []int{1, 10, 100} {
		data := someBatch(events)
		parsed := mustParse(data)
		buf := make([]byte, 0, 2*len(data))
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"Parse", func() { mustParse(data) }},
			{"Default", func() { editAsByDefault(parsed.Clone()) }},
			{"Everything", func() { editAsMuchAsPossible(parsed.Clone()) }},
			{"AppendJSON", func() { buf = parsed.AppendJSON(buf[:0]) }},
			{"All", func() {
				c := mustParse(data).Clone()
				editAsMuchAsPossible(c)
				buf = c.AppendJSON(buf[:0])
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d events", step.name, events), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					step.do()
				}
			})
		}
	}
}

func editAsByDefault(b *Batch) {
	b.DropTypes("other", func(eventType string) bool { return !IsForwarded(eventType) })
	b.DropTypes("off", func(eventType string) bool { return eventType == UserAttributeChange })
	b.DropTypes("off", func(eventType string) bool { return eventType == UserIdentityChange })
	_ = b.At("mp_deviceid").Remove()
}

func editAsMuchAsPossible(b *Batch) {
	editAsByDefault(b)
	for _, e := range b.Events() {
		_ = e.At("data", "location").Remove()
	}
	_ = b.At("context", "location").Remove()
	_ = b.At("device_info", "device").Remove()
	_ = b.At("unique_id").Set("id")
}
