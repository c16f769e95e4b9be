package spoolstore

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// Whatever lies in a segment, reading it ends, without a panic, and what is
// returned as an entry is one that can be written again.
func FuzzFrames(f *testing.F) {
	e := entry("value 1", "value 2")
	e.ID, e.Source, e.Topic = "id", Source{File: "f", Offset: 7}, "t"
	e.Parts = []Range{{1, 3}}
	payload := appendEntry(nil, e)
	frame := make([]byte, frameSize(len(payload)))
	h := header{length: len(payload), checksum: checksum(payload), kind: kindEntry, segment: 5, first: 9, messages: 2}
	h.put(frame)
	copy(frame[frameHeader:], payload)
	f.Add(frame)
	f.Add(append(append([]byte(nil), frame...), frame...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := disktest.New(1)
		file, err := d.Create("segment", titleSpace+int64(len(b)))
		require.NoError(t, err)
		_, err = file.WriteAt(b, titleSpace)
		require.NoError(t, err)
		seg := &segment{file: file, title: title{seq: 5}}
		sc := newScanner(seg, mark{0, titleSpace, 0}, titleSpace+int64(len(b)))
		for range len(b) + 1 {
			h, payload, _, err := sc.next()
			if err != nil {
				if _, err := sc.resync(); err != nil {
					return
				}
				continue
			}
			if got, err := decodeEntry(payload, h.messages); err == nil {
				assert.Len(t, got.Messages, h.messages)
				again, err := decodeEntry(appendEntry(nil, got), h.messages)
				require.NoError(t, err)
				assert.Equal(t, got, again)
			}
		}
		t.Error("reading does not end")
	})
}

// A refusal of more messages than one record may have is read back whole.
func TestRefused_many(t *testing.T) {
	list := []Range{{10, 11}, {20, 20 + 3*maxRefused}, {1 << 20, 1<<20 + 5}}
	refusal := Refusal{Code: 10, Reason: "too large", At: time.UnixMilli(5)}
	want, got := newLedger(), newLedger()
	want.refuse(list, refusal)
	require.NoError(t, got.apply(appendRefused(nil, list, refusal)))
	assert.Len(t, got.refused, 3*maxRefused+6)
	assert.Equal(t, want.refused, got.refused)

	got.release([]Range{{0, 1 << 30}})
	assert.Empty(t, got.refused)
}

// Whatever is in the control file, reading it ends without a panic.
func FuzzLedger(f *testing.F) {
	l := newLedger()
	l.done.add(Range{5, 90000})
	l.refuse([]Range{{3, 5}}, Refusal{Code: 10, Reason: "too large", At: time.UnixMilli(5)})
	l.topics["t"] = Topic{Name: "t"}
	records := l.encode()
	records = appendDone(records, []Range{{1, 2}, {7, 9}})
	records = appendIntentRecord(records, &Intent{Partition: Partition{Topic: "t", ID: 3}, Messages: []Range{{2, 4}}, Timestamps: []int64{7}})
	records = appendEndRecord(records, Partition{Topic: "t", ID: 3}, End{Outcome: Acknowledged, Offset: 12})
	records = appendIntentRecord(records, &Intent{Partition: Partition{Topic: "t", ID: 4}, Messages: []Range{{70000, 70003}}, Whole: []Range{{70000, 70009}}})
	records = appendEndRecord(records, Partition{Topic: "t", ID: 4}, End{Outcome: Doubtful, Offset: -1})
	records = appendSealed(records, segmentEnd{1, 2, 3})
	f.Add(records)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return // a few bytes can name thousands of messages
		}
		l := newLedger()
		if l.apply(b) != nil {
			return
		}
		again := newLedger()
		require.NoError(t, again.apply(l.encode()))
		assert.True(t, bytes.Equal(l.encode(), again.encode()))
	})
}
