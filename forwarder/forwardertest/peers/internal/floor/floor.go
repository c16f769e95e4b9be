// Package floor measures what no client can do without: compressing the bytes
// of the messages, sealing them as TLS does and writing them to a socket.
package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// stuck is how much longer than asked for a measurement may take before its
// writes fail, so that a sink that does not read ends it.
const stuck = 30 * time.Second

// Measure returns the processor time, in microseconds for each message, that it
// takes to copy values into batches, compress each batch, seal it in records of
// TLS 1.3 (AES-256-GCM, at most 16 KiB) and write each record, with a write of
// its own, to a TCP connection to sink.
//
// A batch has as many whole messages as fit into batch bytes, and at least one;
// after the last value comes the first again. codec is "none", "lz4" or "zstd",
// with the libraries and options that Sarama has, zstd at level 1.
//
// It is a floor: there are no headers of a protocol, buffers are reused, and
// each byte is copied just once, into the batch. It works for a tenth of
// atLeast before it measures, so that buffers and the connection have grown.
//
// ctx is for connecting only.
//
// The time is that of the whole process, as for the contenders: nothing else
// may run in it, and the sink must be elsewhere.
func Measure(ctx context.Context, values [][]byte, codec string, batch int, sink string, atLeast time.Duration) (cpuMicrosPerMessage float64, err error) {
	if len(values) == 0 {
		return 0, errors.New("no values")
	}
	for i, value := range values {
		if len(value) == 0 {
			// It would let a batch have any number of messages.
			return 0, fmt.Errorf("value %d is empty", i)
		}
	}
	compress, err := compressor(codec)
	if err != nil {
		return 0, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", sink)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	warm := atLeast / 10
	if err := conn.SetDeadline(time.Now().Add(warm + atLeast + stuck)); err != nil {
		return 0, err
	}
	records, err := newSealer(conn)
	if err != nil {
		return 0, err
	}

	l := &line{values: values, batch: batch, compress: compress, records: records}
	if _, err := l.run(warm); err != nil {
		return 0, err
	}
	before, err := cpu()
	if err != nil {
		return 0, err
	}
	messages, err := l.run(atLeast)
	if err != nil {
		return 0, err
	}
	after, err := cpu()
	if err != nil {
		return 0, err
	}
	return float64((after - before).Nanoseconds()) / 1e3 / float64(messages), nil
}

// A line is what messages pass through.
type line struct {
	values   [][]byte
	next     int // in values
	batch    int
	compress func([]byte) ([]byte, error)
	records  *sealer

	buf []byte // the batch
}

// run sends batches until the time is over, one at least, and returns how many
// messages they had.
func (l *line) run(atLeast time.Duration) (messages int, err error) {
	for began := time.Now(); ; {
		messages += l.fill()
		packed, err := l.compress(l.buf)
		if err != nil {
			return messages, err
		}
		if err := l.records.write(packed); err != nil {
			return messages, err
		}
		if time.Since(began) >= atLeast {
			return messages, nil
		}
	}
}

// fill makes the next batch and returns how many messages it has.
func (l *line) fill() (messages int) {
	l.buf = l.buf[:0]
	for {
		value := l.values[l.next]
		if messages > 0 && len(l.buf)+len(value) > l.batch {
			return messages
		}
		l.buf = append(l.buf, value...)
		messages++
		l.next = (l.next + 1) % len(l.values)
	}
}

// cpu returns the processor time that this process has used.
func cpu() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
