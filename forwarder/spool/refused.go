package spool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A RefusedMessage will not be sent unless it is put again: a broker has refused
// it for its own sake, or it may be in Kafka already (see [Hold]). It takes room
// until it is put again or discarded.
type RefusedMessage struct {
	// Number stands for it in its folder: no other message ever has it, and it stays
	// when the folder is closed and opened. A message that is put again gets another.
	Number   uint64
	Topic    string
	Key      []byte // the user id in decimal; nil: none. The caller's, as is Value
	Value    []byte // the batch as it was to be sent
	Part     string // "2/3" if the batch was split
	Accepted time.Time

	Code   int16     // Kafka's error code; 0: not a broker's refusal
	Reason string    // what was refused, and what to do
	At     time.Time // of the refusal

	spool *Spool
}

// String returns what m is, without its key and value: they are data.
func (m RefusedMessage) String() string {
	return fmt.Sprintf("refused message (%d bytes, code %d: %s)", len(m.Value), m.Code, m.Reason)
}

// GoString returns the same, for %#v.
func (m RefusedMessage) GoString() string { return m.String() }

// LogValue returns the same, for package slog.
func (m RefusedMessage) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Refused iterates over the refused messages, oldest first, as they are when it
// begins. A message that cannot be read yields an error in its place; the others
// follow.
func (s *Spool) Refused() iter.Seq2[*RefusedMessage, error] {
	return func(yield func(*RefusedMessage, error) bool) {
		for r, err := range s.store().Refused() {
			if err != nil {
				if !yield(nil, fmt.Errorf("spool: reading a refused message: %w", err)) {
					return
				}
				continue
			}
			m := &RefusedMessage{
				Number: r.Number, Topic: r.Entry.Topic, Key: r.Entry.Key, Accepted: r.Entry.Accepted,
				Value: r.Entry.Messages[0].Value, Part: r.Entry.Messages[0].Part,
				Code: r.Refusal.Code, Reason: r.Refusal.Reason, At: r.Refusal.At,
				spool: s,
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// ErrNotRefused is the error of [RefusedMessage.PutAgain] and
// [RefusedMessage.Discard] for a message that was put again or discarded before.
var ErrNotRefused = errors.New("spool: the message was put again or discarded before")

// PutAgain stores m as a new message, which is sent behind everything that is
// stored by now, and returns when that is synced: m is no longer refused then. It
// waits for room until ctx ends; then the error is [ErrFull].
func (m *RefusedMessage) PutAgain(ctx context.Context) error {
	s := m.spool
	s.putting.Lock()
	defer s.putting.Unlock()
	if !s.store().IsRefused(m.Number) {
		return ErrNotRefused
	}
	err := s.store().PutAgain(ctx, m.Number)
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*spoolstore.FullError)):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, spoolstore.ErrClosed):
		return ErrClosed
	default:
		return fmt.Errorf("spool: putting a refused message again: %w", err)
	}
}

// Discard gives the room of m back: it will never be sent. That is durable after
// a tenth of a second, or with [Spool.Close].
func (m *RefusedMessage) Discard() error {
	s := m.spool
	s.putting.Lock()
	defer s.putting.Unlock()
	if !s.store().IsRefused(m.Number) {
		return ErrNotRefused
	}
	s.store().Discard(m.Number)
	return nil
}
