package trace_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

func records() []trace.Record {
	return []trace.Record{
		{Kind: trace.Invoke, Owner: 3, N: 1 << 30, ID: 7, From: 2, To: 9, Way: "async", Hash: 1<<63 + 1},
		{Kind: trace.Return, Owner: 3, N: 4, Cause: "deadline", Messages: []trace.Message{
			{Outcome: trace.Acknowledged, Partition: 11, Offset: 1 << 40},
			{Outcome: trace.NotSent, Partition: -1, Offset: -1},
		}},
		{Kind: trace.Late, N: 5},
		{Kind: trace.Return, Owner: 3, N: 6, SpoolID: 1 << 40, Messages: []trace.Message{{Outcome: trace.Stored, Partition: -1, Offset: -1}}},
		{Kind: trace.Settled, Owner: -1, SpoolID: 1 << 40},
		{Kind: trace.Held, Owner: 3, N: 6, ID: 9, From: 1, To: 2, Way: "may be in Kafka", Hash: 1 << 35},
		{Kind: trace.Mark, Name: "resources", Values: []int64{-1, 0, 1 << 50}},
	}
}

func TestTrace_roundTrip(t *testing.T) {
	var buf bytes.Buffer
	require.NoError(t, trace.NewWriter(&buf, time.Now().Add(-time.Hour)).Write(records()...))
	r := trace.NewReader(&buf)
	for _, want := range records() {
		got, err := r.Read()
		require.NoError(t, err)
		assert.GreaterOrEqual(t, got.At, time.Hour)
		got.At = 0
		assert.Equal(t, want, got)
	}
	_, err := r.Read()
	assert.Equal(t, io.EOF, err)
}

// A killed writer leaves whole records and then less than one.
func TestTrace_cutAnywhere(t *testing.T) {
	var whole []byte
	var ends []int
	for _, r := range records() {
		whole = trace.Append(whole, &r)
		ends = append(ends, len(whole))
	}
	for n := range whole {
		r := trace.NewReader(bytes.NewReader(whole[:n]))
		read := 0
		for {
			_, err := r.Read()
			if err != nil {
				assert.Equal(t, io.EOF, err)
				break
			}
			read++
		}
		want := 0
		for want < len(ends) && ends[want] <= n {
			want++
		}
		assert.Equal(t, want, read, "of %d bytes", n)
	}
}

func FuzzReader(f *testing.F) {
	var whole []byte
	for _, r := range records() {
		whole = trace.Append(whole, &r)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := trace.NewReader(bytes.NewReader(data))
		for {
			rec, err := r.Read()
			if err != nil {
				return
			}
			again, err := trace.NewReader(bytes.NewReader(trace.Append(nil, &rec))).Read()
			require.NoError(t, err)
			assert.Equal(t, rec, again)
		}
	})
}
