package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// An intentKeeper tells a journal which record batches are about to be written,
// and how that ended. nil stands for none: what is called for each record batch
// does nothing then.
//
// A record batch is intended while the last intent of its partition is for it, as
// it is. That ends when the answer settles it, or when its content changes.
// What may have been written is never taken back: its intent stays open until
// another one has the same messages, or names them as its whole.
type intentKeeper struct {
	journal        producer.Journal
	refuseDoubtful bool
	expiration     time.Duration // of producer ids at the brokers
	lastTimestamp  func(partition int32) int64
	explain        func(error) error
}

func newIntentKeeper(c Config) *intentKeeper {
	k := &intentKeeper{
		journal: c.Journal, refuseDoubtful: c.RefuseDoubtful, expiration: cmp.Or(c.ProducerIDExpiration, defaultIDExpiration),
	}
	if c.LastTimestamp != nil {
		k.lastTimestamp = func(partition int32) int64 { return c.LastTimestamp(c.Topic, partition) }
	}
	if c.Explain != nil {
		k.explain = func(err error) error { return c.Explain(c.Topic, err) }
	}
	return k
}

// lastTimestampOf returns the newest timestamp of a partition that a former process
// has intended; 0: none is known.
func (k *intentKeeper) lastTimestampOf(partition int32) int64 {
	if k == nil || k.lastTimestamp == nil {
		return 0
	}
	return k.lastTimestamp(partition)
}

// expired reports whether so much of the time has passed for which brokers keep the
// numbers of the first record batch, if that may have been written, that they may
// have forgotten them when it arrives. They count from its timestamp.
func (k *intentKeeper) expired(sealed []*recordBatch, now time.Time) bool {
	return len(sealed) > 0 && sealed[0].mayBeWritten && now.Sub(time.UnixMilli(sealed[0].timestamp)) > k.expiration/2
}

// requestIntents are those that one request needs, by whose they are: topics have
// journals of their own.
type requestIntents []keptIntents

type keptIntents struct {
	keeper *intentKeeper
	list   []producer.Intent
}

func (l requestIntents) with(k *intentKeeper, i producer.Intent) requestIntents {
	for n := range l {
		if l[n].keeper == k {
			l[n].list = append(l[n].list, i)
			return l
		}
	}
	return append(l, keptIntents{k, []producer.Intent{i}})
}

// have reports whether that of b, which k keeps, is among them.
func (l requestIntents) have(k *intentKeeper, b *recordBatch) bool {
	return slices.ContainsFunc(l, func(one keptIntents) bool {
		return one.keeper == k && slices.ContainsFunc(one.list, func(i producer.Intent) bool { return i.Partition == b.partition })
	})
}

// recorded makes the journals record them. What it returns is as that of
// [intentKeeper.recorded].
func (l requestIntents) recorded(ctx context.Context) (wait func() error) {
	waits := make([]func() error, len(l))
	for i, one := range l {
		waits[i] = one.keeper.recorded(ctx, one.list)
	}
	return func() error {
		var failed error
		for _, wait := range waits { // also for those behind one that fails: their end must come after them
			failed = cmp.Or(failed, wait())
		}
		return failed
	}
}

// intendLocked makes the intent of a partition's first record batch. All
// record batches of it that may have been written are parts of one.
func (k *intentKeeper) intendLocked(sealed []*recordBatch, topicID [16]byte, lastTimestamp *int64, now time.Time) producer.Intent {
	b := sealed[0]
	if !b.mayBeWritten || b.timestamp == 0 {
		b.setTimestamp(nextTimestamp(*lastTimestamp, now))
	}
	*lastTimestamp = b.timestamp
	b.intended = true
	i := producer.Intent{
		Partition:     b.partition,
		TopicID:       topicID,
		ProducerID:    b.encoded.ProducerID,
		ProducerEpoch: b.encoded.ProducerEpoch,
		FirstSequence: b.encoded.FirstSequence,
		Timestamp:     b.timestamp,
		Messages:      b.appendNumbers(nil),
	}
	if whole := uncertain(sealed); len(whole) > 1 {
		i.Whole = numbersOf(whole)
	}
	return i
}

// recorded makes the journal record intents, on another goroutine. What it returns
// waits for that, and returns why they are not recorded. It may be called
// several times.
//
// Close does not wait for the goroutine: a journal on a disk that fails blocks
// until it is closed, which is after the engine.
func (k *intentKeeper) recorded(ctx context.Context, list []producer.Intent) (wait func() error) {
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = k.journal.Intend(list)
	}()
	return func() error {
		select {
		case <-done: // also when ctx has ended since: something may have been sent
			return err
		default:
		}
		select {
		case <-done:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// writtenLocked ends the intent of b, which is in the partition.
func (k *intentKeeper) writtenLocked(b *recordBatch, offset int64) {
	k.endLocked(b, producer.IntentEnd{Outcome: producer.Written, Offset: offset}, true)
}

// foundLocked ends a partition's last intent, since these record batches are in the log
// from offset on: the one that it is for, or more of its whole.
func (k *intentKeeper) foundLocked(list []*recordBatch, offset int64) {
	if k == nil {
		return
	}
	for _, b := range list {
		b.intended = false
	}
	k.journal.End(producer.IntentEnd{
		Partition: list[0].partition, Outcome: producer.Written, Offset: offset, Done: numbersOf(list),
	})
}

// notWrittenLocked ends the intent of b, unless b may have been written.
func (k *intentKeeper) notWrittenLocked(b *recordBatch) {
	if !b.mayBeWritten {
		k.endLocked(b, producer.IntentEnd{Outcome: producer.NotWritten, Offset: -1}, false)
	}
}

// failedLocked ends the intent of b, which the journal may have or not. Nothing was
// sent, so its messages may go to another partition now, or be withdrawn, and nothing
// of this one may ever follow that ends it. If b may have been written before, the
// intent stays open, or the one before it if the journal lacks this one: both have
// all that may be there.
func (k *intentKeeper) failedLocked(b *recordBatch) {
	k.notWrittenLocked(b)
	b.intended = false
}

// rejectedLocked ends the intent of b, of which messages will not be sent again.
func (k *intentKeeper) rejectedLocked(b *recordBatch, refused []producer.Refused) {
	k.endLocked(b, producer.IntentEnd{Outcome: producer.Rejected, Offset: -1, Refused: refused}, false)
}

func (k *intentKeeper) endLocked(b *recordBatch, end producer.IntentEnd, done bool) {
	if k == nil || !b.intended {
		return
	}
	b.intended = false
	end.Partition = b.partition
	if done {
		end.Done = b.appendNumbers(nil)
	}
	k.journal.End(end)
}

// doubtLocked ends the last intent of a partition, since no answer can tell
// whether its record batch is there. refused are messages of it that are settled
// already. It reports whether the others go out again; they are refused
// otherwise, for the reason given.
func (k *intentKeeper) doubtLocked(partition int32, sealed []*recordBatch, refused []producer.Refused, reason error) bool {
	end := producer.IntentEnd{Partition: partition, Outcome: producer.Doubtful, Offset: -1, Refused: refused, Cause: reason}
	list := uncertain(sealed)
	for _, r := range refused {
		end.InDoubt = append(end.InDoubt, r.Messages...)
	}
	end.InDoubt = append(end.InDoubt, numbersOf(list)...)
	if k.refuseDoubtful && len(list) > 0 {
		end.Refused = append(end.Refused, producer.Refused{Messages: numbersOf(list), Reason: unknownReason(reason)})
	}
	k.journal.End(end)
	for _, b := range list {
		b.intended = false
		if !k.refuseDoubtful {
			b.mayBeWritten, b.closedAlone = false, 0
			for _, r := range b.ranges {
				r.submission.doubtful = true
			}
		}
	}
	return !k.refuseDoubtful
}

// unknownReason is the reason of a message that is refused although it may have been
// written.
func unknownReason(cause error) string { return "it may be in Kafka: " + cause.Error() }

// refused makes what the journal is told of b when it is given up.
func (k *intentKeeper) refused(b *recordBatch, code sarama.KError, err error) []producer.Refused {
	if k == nil {
		return nil
	}
	if k.explain != nil {
		err = k.explain(err)
	}
	r := producer.Refused{Messages: b.appendNumbers(nil), Code: int16(code), Reason: err.Error()}
	if b.mayBeInKafka() {
		r.Reason = unknownReason(err)
	}
	return []producer.Refused{r}
}

// uncertain returns the record batches that may have been written.
func uncertain(sealed []*recordBatch) []*recordBatch {
	var list []*recordBatch
	for _, b := range sealed {
		if b.mayBeWritten {
			list = append(list, b)
		}
	}
	return list
}

func numbersOf(list []*recordBatch) []producer.NumberRange {
	var numbers []producer.NumberRange
	for _, b := range list {
		numbers = b.appendNumbers(numbers)
	}
	return numbers
}

// appendNumbers appends the numbers of b's messages.
func (b *recordBatch) appendNumbers(list []producer.NumberRange) []producer.NumberRange {
	for _, r := range b.ranges {
		first, next := r.submission.number+uint64(r.from), r.submission.number+uint64(r.to) //nolint:gosec // indexes
		if n := len(list); n > 0 && list[n-1].Next == first {
			list[n-1].Next = next
		} else {
			list = append(list, producer.NumberRange{First: first, Next: next})
		}
	}
	return list
}

// setTimestamp dates the records of b.
func (b *recordBatch) setTimestamp(t int64) {
	b.built = b.built && b.timestamp == t
	b.timestamp = t
}

// maxTimestampLead is how far a timestamp may be ahead of the clock.
const maxTimestampLead = time.Minute

// nextTimestamp returns the timestamp of a record batch that is made now, after
// one with the timestamp last: not before that, unless the clock was set back by
// more than a minute.
func nextTimestamp(last int64, now time.Time) int64 {
	t := now.UnixMilli()
	if last > t && last-t <= maxTimestampLead.Milliseconds() {
		return last
	}
	return t
}
