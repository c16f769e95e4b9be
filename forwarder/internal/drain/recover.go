package drain

import (
	"errors"
	"slices"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Recover reads the record batches that a former process may have written, by their
// topic. Their ends are told to settled.
//
// One of which a message cannot be read any more cannot go out as it was. It is
// in doubt: its other messages are sent again under new numbers, or, if hold is
// set, are refused. If the store does not know what was sent, all is in doubt.
// doubted is told of both before Recover returns.
func Recover(s *spoolstore.Store, hold bool, settled Settled, doubted func(Doubt)) (map[string][]producer.Recovered, error) {
	if n := s.Stats().Messages; n > 0 && s.AllDoubtful() {
		doubted(Doubt{Partition: -1, Messages: n, Cause: errNotRecorded})
		if hold {
			return nil, holdAll(s)
		}
	}
	list := map[string][]producer.Recovered{}
	entries := map[uint64]*entryEnd{}
	for _, i := range s.OpenIntents() {
		r, err := recoverIntent(s, &i, entries, settled)
		switch {
		case err == nil:
			list[i.Partition.Topic] = append(list[i.Partition.Topic], r)
		case errors.As(err, new(*spoolstore.NotFoundError)):
			doubted(giveUp(s, &i, hold))
		default:
			return nil, err
		}
	}
	for _, ofTopic := range list {
		slices.SortFunc(ofTopic, func(a, b producer.Recovered) int { return int(a.Intent.Partition - b.Intent.Partition) })
	}
	return list, nil
}

// holdAll refuses everything: any of it may have been sent.
func holdAll(s *spoolstore.Store) error {
	for c := s.Cursor(0); ; {
		r, _, err := c.TryNext()
		if r == nil {
			return err
		}
		s.Refuse(s.Pending(r.Range()), inDoubt(errNotRecorded), nil, spoolstore.End{})
	}
}

func recoverIntent(s *spoolstore.Store, i *spoolstore.Intent, entries map[uint64]*entryEnd, settled Settled) (producer.Recovered, error) {
	r := producer.Recovered{Intent: intentOf(i)}
	own := map[uint64]bool{}
	var record *spoolstore.Record
	read := func(list []spoolstore.Range, groups *[]*producer.Group) error {
		for _, run := range list {
			for n := run.First; n < run.Next; n++ {
				if own[n] {
					continue
				}
				own[n] = true
				if record == nil || n < record.First || n >= record.Range().Next {
					var err error
					if record, err = s.ReadRecord(n); err != nil {
						return err
					}
				}
				*groups = append(*groups, recoveredGroup(s, i.Partition.ID, record, n, entries, settled))
			}
		}
		return nil
	}
	if err := read(i.Messages, &r.Groups); err != nil {
		return r, err
	}
	var rest []spoolstore.Range
	for _, run := range i.Whole { // of the rest, parts may have ended before
		rest = append(rest, s.Pending(run)...)
	}
	return r, read(rest, &r.Rest)
}

// recoveredGroup makes the group of one message.
func recoveredGroup(
	s *spoolstore.Store, partition int32, record *spoolstore.Record, n uint64, entries map[uint64]*entryEnd, settled Settled,
) *producer.Group {
	at := int(n - record.First) //nolint:gosec // an index
	_, from, to := partAround(record.Entry, at)
	own := entryNumbers(record, from, to)
	e := entries[own.First]
	if e == nil {
		left := 0
		for _, run := range s.Pending(own) {
			left += run.Len()
		}
		e = newEntryEnd(record, from, to, left)
		entries[own.First] = e
	}
	e.recovered++
	return &producer.Group{
		Owner: recoveredSettler{e, at, len(record.Entry.Messages[at].Value), settled},
		First: n, Fixed: partition + 1, Doubtful: s.Doubtful(spoolstore.Range{First: n, Next: n + 1}), Messages: messages(nil, record.Entry, at, 1),
	}
}

var (
	errNotRecorded   = errors.New("the file that says what was sent is damaged or missing")
	errDamagedBeside = errors.New("a message beside it is damaged on the disk")
)

// giveUp ends an intent that cannot be resumed.
func giveUp(s *spoolstore.Store, i *spoolstore.Intent, hold bool) Doubt {
	list := i.Messages
	if len(i.Whole) > 0 { // it has these, too
		list = i.Whole
	}
	doubt := Doubt{Topic: i.Partition.Topic, Partition: i.Partition.ID, Messages: pendingOf(s, list), Cause: errDamagedBeside}
	if hold {
		for _, run := range list {
			s.Refuse(s.Pending(run), inDoubt(errDamagedBeside), nil, spoolstore.End{})
		}
	}
	s.End(i.Partition, spoolstore.End{Outcome: spoolstore.Doubtful, Offset: -1})
	return doubt
}

// inDoubt is the refusal of messages that may be in Kafka and are not sent again.
func inDoubt(why error) spoolstore.Refusal {
	return spoolstore.Refusal{
		Reason: "may be in Kafka already (" + why.Error() + "): look there, then put it again or discard it",
		At:     time.Now().Truncate(time.Millisecond),
	}
}
