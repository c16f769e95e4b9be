package drain

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// Journal is the [producer.Journal] of a spool, for one topic.
type Journal struct {
	Store *spoolstore.Store
	Topic string // as in the entries
	Gate  *Gate  // closed before another forwarder gets the store; nil: open

	// Doubted is told of each record batch that ends in doubt. It is called as End
	// is, so it must not block. nil: no call.
	Doubted func(Doubt)
}

var _ producer.Journal = Journal{}

// Intend implements [producer.Journal].
func (j Journal) Intend(list []producer.Intent) error {
	intents := make([]spoolstore.Intent, len(list))
	for k := range list {
		i := &list[k]
		intents[k] = spoolstore.Intent{
			Partition:     spoolstore.Partition{Topic: j.Topic, ID: i.Partition},
			TopicID:       i.TopicID,
			ProducerID:    i.ProducerID,
			ProducerEpoch: i.ProducerEpoch,
			FirstSequence: i.FirstSequence,
			Timestamps:    []int64{i.Timestamp},
			Messages:      ranges(i.Messages),
			Whole:         ranges(i.Whole),
		}
	}
	upTo, err := j.Gate.record(j.Store, intents)
	if err != nil {
		return err
	}
	return j.Store.AwaitRecords(upTo)
}

// End implements [producer.Journal].
func (j Journal) End(e producer.IntentEnd) {
	if e.Outcome == producer.Doubtful && j.Doubted != nil {
		j.Doubted(doubtOf(j.Topic, &e))
	}
	p := spoolstore.Partition{Topic: j.Topic, ID: e.Partition}
	end := spoolstore.End{Outcome: outcome(e.Outcome), Offset: e.Offset}
	for i, r := range e.Refused {
		var last *spoolstore.Partition // the end of the intent comes with the last record
		if i == len(e.Refused)-1 && len(e.Done) == 0 {
			last = &p
		}
		j.Store.Refuse(ranges(r.Messages), spoolstore.Refusal{
			Code: r.Code, Reason: r.Reason, At: time.Now().Truncate(time.Millisecond),
		}, last, end)
	}
	if len(e.Done) > 0 || len(e.Refused) == 0 {
		j.Store.Done(ranges(e.Done), &p, end)
	}
}

func outcome(o producer.IntentOutcome) spoolstore.Outcome {
	switch o {
	case producer.Written:
		return spoolstore.Acknowledged
	case producer.Rejected:
		return spoolstore.Refused
	case producer.Doubtful:
		return spoolstore.Doubtful
	default: // NotWritten, and Doubtful: those that are not refused go out under other numbers
		return spoolstore.NotWritten
	}
}

func ranges(list []producer.NumberRange) []spoolstore.Range {
	out := make([]spoolstore.Range, len(list))
	for i, r := range list {
		out[i] = spoolstore.Range(r)
	}
	return out
}

// intentOf is the way back.
func intentOf(i *spoolstore.Intent) producer.Intent {
	p := producer.Intent{
		Partition: i.Partition.ID, TopicID: i.TopicID, ProducerID: i.ProducerID, ProducerEpoch: i.ProducerEpoch,
		FirstSequence: i.FirstSequence,
	}
	if len(i.Timestamps) > 0 {
		p.Timestamp = i.Timestamps[0]
	}
	for _, r := range i.Messages {
		p.Messages = append(p.Messages, producer.NumberRange(r))
	}
	for _, r := range i.Whole {
		p.Whole = append(p.Whole, producer.NumberRange(r))
	}
	return p
}
