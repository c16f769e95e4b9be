package floor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func someValues() [][]byte {
	var values [][]byte
	for i := range 7 {
		values = append(values, bytes.Repeat([]byte(fmt.Sprintf("value %d, ", i*i*i)), 100+i*10))
	}
	return values
}

func TestMeasure(t *testing.T) {
	for _, codec := range []string{"none", "lz4", "zstd"} {
		for _, batch := range []int{0, 10_000, 100_000} {
			t.Run(fmt.Sprint(codec, " ", batch), func(t *testing.T) {
				var read atomic.Int64
				sink, err := discard(t.Context(), func(n int) { read.Add(int64(n)) })
				if err != nil {
					t.Fatal(err)
				}
				micros, err := Measure(t.Context(), someValues(), codec, batch, sink, 20*time.Millisecond)
				if err != nil {
					t.Fatal(err)
				}
				if micros <= 0 || micros > 1e5 {
					t.Errorf("%v microseconds a message", micros)
				}
				require.Eventually(t, func() bool { return read.Load() > 0 }, 10*time.Second, time.Millisecond,
					"nothing has reached the sink")
			})
		}
	}
}

func TestMeasureErrors(t *testing.T) {
	sink, err := Sink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, measure := range map[string]func() (float64, error){
		"codec": func() (float64, error) { return Measure(t.Context(), someValues(), "gzip", 1000, sink, 0) },
		"none":  func() (float64, error) { return Measure(t.Context(), nil, "none", 1000, sink, 0) },
		"empty": func() (float64, error) { return Measure(t.Context(), [][]byte{{1}, {}}, "none", 1000, sink, 0) },
		"no sink": func() (float64, error) {
			return Measure(t.Context(), someValues(), "none", 1000, gone.Addr().String(), 0)
		},
	} {
		if micros, err := measure(); err == nil {
			t.Errorf("%s: %v microseconds and no error", name, micros)
		}
	}
}

// The sink gets every byte that is written.
func TestSink(t *testing.T) {
	var read atomic.Int64
	sink, err := discard(t.Context(), func(n int) { read.Add(int64(n)) })
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", sink)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 1_234_567
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.EqualValues(c, size, read.Load())
	}, 10*time.Second, time.Millisecond)
}

// The values are written in whole batches that can be opened again.
func TestRecords(t *testing.T) {
	const batch = 70_000
	values := someValues()
	for codec, unpack := range map[string]func(t *testing.T, packed []byte) []byte{
		"none": func(t *testing.T, packed []byte) []byte { return packed },
		"lz4":  unpackLZ4,
		"zstd": unpackZSTD,
	} {
		t.Run(codec, func(t *testing.T) {
			compress, err := compressor(codec)
			if err != nil {
				t.Fatal(err)
			}
			var written bytes.Buffer
			records, err := newSealer(&written)
			if err != nil {
				t.Fatal(err)
			}
			l := &line{values: values, batch: batch, compress: compress, records: records}
			opener := *records
			opener.number = 0
			value := 0
			for range 5 {
				messages, err := l.run(0)
				if err != nil {
					t.Fatal(err)
				}
				var want []byte
				for range messages {
					want = append(want, values[value%len(values)]...)
					value++
				}
				if len(want) > batch || len(want) < batch-2000 {
					t.Fatalf("a batch of %d bytes", len(want))
				}
				if got := unpack(t, open(t, &opener, &written)); !bytes.Equal(got, want) {
					t.Fatal("the batch is not made of the values")
				}
			}
		})
	}
}

// open returns the content of the records.
func open(t *testing.T, s *sealer, records *bytes.Buffer) (content []byte) {
	t.Helper()
	for records.Len() > 0 {
		header := bytes.Clone(records.Next(headerSize))
		s.count()
		inner, err := s.aead.Open(nil, s.nonce[:], records.Next(int(binary.BigEndian.Uint16(header[3:]))), header)
		if err != nil {
			t.Fatal(err)
		}
		n := len(inner) - 1
		if inner[n] != applicationData || n > recordSize || n < recordSize && records.Len() > 0 {
			t.Fatalf("a record of type %d with %d bytes", inner[n], n)
		}
		content = append(content, inner[:n]...)
	}
	return content
}

func unpackLZ4(t *testing.T, packed []byte) []byte {
	t.Helper()
	content, err := io.ReadAll(lz4.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func unpackZSTD(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := r.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
