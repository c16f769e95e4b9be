package spool

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Attach is for package forwarder: no other can make its argument. It gives the
// store to the forwarder of its topics until [Spool.Detach].
func (s *Spool) Attach(c spoolstore.Claim) (spoolstore.Claimed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return spoolstore.Claimed{}, ErrClosed
	case s.attached:
		return spoolstore.Claimed{}, fmt.Errorf("spool: %s is in use by another forwarder: give each a folder of its own", s.dir)
	}
	if err := s.useFor(c.Topics); err != nil {
		return spoolstore.Claimed{}, err
	}
	s.attached = true
	return spoolstore.Claimed{Store: s.store(), Hold: s.options.OnDoubt == Hold, ProducerIDExpiration: s.options.ProducerIDExpiration}, nil
}

// Detach is for package forwarder. It lets another forwarder have s.
func (s *Spool) Detach(spoolstore.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached = false
}

// useFor makes these the topics that the messages are for. It fails if messages for
// another topic are left.
func (s *Spool) useFor(topics []string) error {
	st, known := s.store().Stats(), s.store().Topics()
	if err := s.servesAll(topics, known, st.Messages+st.Refused > 0); err != nil {
		return err
	}
	for _, other := range known {
		if !slices.Contains(topics, other) {
			s.store().DropTopic(other)
		}
	}
	for _, topic := range topics {
		if slices.Contains(known, topic) {
			continue
		}
		err := s.store().SetTopic(spoolstore.Topic{Name: topic})
		if errors.Is(err, spoolstore.ErrClosed) {
			return ErrClosed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CheckTopics returns a [*TopicError] for each other topic that messages in s are for,
// joined; nil: a forwarder of these topics may have s. forwarder.New and NewRoutes check
// that by themselves; it is for those who want to know before. It changes nothing. It
// reads the messages, which takes as long as the disk does, only if s knows of another
// topic. It fails with [ErrClosed] after [Spool.Close].
func (s *Spool) CheckTopics(topics ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	st := s.store().Stats()
	return s.servesAll(topics, s.store().Topics(), st.Messages+st.Refused > 0)
}

// servesAll returns an error for each other topic that has messages. It reads the
// messages only if there may be such a topic: when a known one is not among topics, or
// when the list of known ones was lost with the file that says what was sent.
func (s *Spool) servesAll(topics, known []string, holds bool) error {
	other := func(topic string) bool { return !slices.Contains(topics, topic) }
	if !holds || !slices.ContainsFunc(known, other) && !s.store().AllDoubtful() {
		return nil
	}
	counts, err := s.store().CountByTopic()
	if err != nil {
		return fmt.Errorf("spool: reading for which topics the messages are: %w", err)
	}
	var errs []error
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		if other(topic) {
			errs = append(errs, &TopicError{Dir: s.dir, Topic: topic, Messages: counts[topic]})
		}
	}
	return errors.Join(errs...)
}
