package spoolstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
)

// A RefusedMessage is one that will not be sent again unless it is put again.
type RefusedMessage struct {
	Number  uint64
	Refusal Refusal
	Entry   *Entry // with this message only
}

// Refused iterates over the refused messages in the order of their numbers, as
// they are when it begins. A message that cannot be read yields an error.
func (s *Store) Refused() iter.Seq2[*RefusedMessage, error] {
	return func(yield func(*RefusedMessage, error) bool) {
		s.mu.Lock()
		list := slices.Sorted(maps.Keys(s.ledger.refused))
		s.mu.Unlock()
		for _, n := range list {
			s.mu.Lock()
			f, still := s.ledger.refused[n]
			s.mu.Unlock()
			if !still {
				continue
			}
			e, err := s.Read(n)
			if err != nil && !s.IsRefused(n) { // it was put again or discarded meanwhile
				continue
			}
			m := &RefusedMessage{Number: n, Refusal: f, Entry: e}
			if !yield(m, err) {
				return
			}
		}
	}
}

// State says of a message that was stored whether it is to be sent, or refused
// and why. It is done otherwise.
func (s *Store) State(number uint64) (r Refusal, pending, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, refused = s.ledger.refused[number]
	done := s.ledger.done.has(number)
	return r, !refused && !done, refused && !done
}

// IsRefused reports whether a message is refused, and neither put again nor
// discarded since.
func (s *Store) IsRefused(number uint64) bool {
	_, _, refused := s.State(number)
	return refused
}

// Read returns the entry of a message, with this message only.
func (s *Store) Read(number uint64) (*Entry, error) {
	r, err := s.ReadRecord(number)
	if err != nil {
		return nil, err
	}
	at := number - r.First
	r.Entry.Topic = r.Entry.TopicOf(int(at)) //nolint:gosec // an index
	r.Entry.Messages = r.Entry.Messages[at : at+1]
	r.Entry.Messages[0].Topic = ""
	return r.Entry, nil
}

// ReadRecord returns the entry of a message, with all its messages. The error is
// a [*NotFoundError] if it is not there or damaged, and otherwise the disk's.
func (s *Store) ReadRecord(number uint64) (*Record, error) {
	for {
		seg, sc := s.scannerAt(number)
		if seg == nil {
			return nil, &NotFoundError{number}
		}
		r, err := sc.record(number)
		if err == nil {
			return r, nil
		}
		if !s.has(seg) {
			continue // its messages have moved to another segment meanwhile
		}
		if s.IsDone(number) { // its file may be closed
			return nil, &NotFoundError{number}
		}
		return nil, err
	}
}

// scannerAt returns the segment of a message, and what reads it from a place before the
// message on; nil if there is none.
func (s *Store) scannerAt(number uint64) (*segment, *scanner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var seg *segment
	for _, other := range s.segments {
		if span := other.span(); span.First <= number && number < span.Next {
			seg = other
		}
	}
	if seg == nil {
		return nil, nil
	}
	sc := newScanner(seg, seg.seek(number), seg.end)
	sc.frames, sc.ahead = seg.frames, readOne
	return seg, sc
}

// has reports whether a segment still has the messages that it had.
func (s *Store) has(seg *segment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.segments, seg)
}

// record returns the entry of a message that lies behind where s is.
func (s *scanner) record(number uint64) (*Record, error) {
	for {
		h, payload, _, err := s.next()
		switch {
		case err == nil && h.next() <= number:
			continue
		case err == nil && h.first > number, errors.Is(err, errGap), errors.Is(err, io.EOF):
			return nil, &NotFoundError{number}
		case err != nil:
			return nil, err
		}
		e, err := decodeEntry(append([]byte(nil), payload...), h.messages)
		if err != nil {
			return nil, &NotFoundError{number}
		}
		return &Record{First: h.first, Entry: e, Bytes: frameSize(h.length)}, nil
	}
}

// A NotFoundError says that a message is not on the disk, or not any more.
type NotFoundError struct{ Number uint64 }

// Error implements error.
func (e *NotFoundError) Error() string { return "the message is not on the disk any more" }

// PutAgain stores a refused message as a new one, which will be sent, and
// returns when that is durable.
func (s *Store) PutAgain(ctx context.Context, number uint64) error {
	e, err := s.Read(number)
	if err != nil {
		return err
	}
	e.ID, e.Source = "", Source{} // they stay with the first
	e.Window = Window{}
	e.Parts = []Range{{number, number + 1}}
	t, err := s.Add(ctx, e)
	if err != nil {
		return err
	}
	return t.Wait(ctx)
}

// Discard makes a refused message done.
func (s *Store) Discard(number uint64) {
	s.Done([]Range{{number, number + 1}}, nil, End{})
}
