package producer

// A Journal makes it durable what a producer is about to write, so that a later
// process can write the same again and Kafka recognises it. A producer has one
// if messages must be in Kafka once across a crash; the messages of its groups
// have numbers then. Its methods may be called from any number of goroutines.
type Journal interface {
	// Intend returns when it is durable that these record batches may be
	// written, at most one for each partition. Nothing of them reaches a
	// broker before. One intent serves all attempts with the same content. After an
	// error it may be durable or not: nothing of them is written then, and the
	// producer ends them as NotWritten, unless they may have been written before, or
	// it is closed: then they stay open. It tries again later, with new intents. It
	// may block for as long as it takes; Close of the producer does not wait for it.
	Intend(list []Intent) error

	// End records how the last intent of a partition ended. It is durable at the
	// latest with the next intent of any partition: messages may go from one to
	// another. So only the last intent of a partition can be open after a crash. It
	// may end an intent that the journal does not have, since Intend has failed; the
	// one before it has ended then. An intent that is replaced by another
	// without an end was for a record batch that may have been written: the
	// other one has the same messages, or names them as its whole. The producer
	// calls End with a lock of its own: it must not block, and must not call the
	// producer.
	End(e IntentEnd)
}

// An Intent is one record batch that may be written from now on: all that is
// needed to write the same again.
type Intent struct {
	Partition     int32
	TopicID       [16]byte
	ProducerID    int64
	ProducerEpoch int16
	FirstSequence int32
	Timestamp     int64         // of every record, in milliseconds
	Messages      []NumberRange // in the order of the records

	// Whole is the messages of the record batch that this one is a part of, if
	// that one may have been written and was cut up nevertheless.
	Whole []NumberRange
}

// A NumberRange is the message numbers [First, Next).
type NumberRange struct{ First, Next uint64 }

// An IntentEnd is how the last intent of a partition ended. Messages of it that
// are neither done nor refused are as they were before.
type IntentEnd struct {
	Partition int32
	Outcome   IntentOutcome
	Offset    int64         // of the first record if it was written and the broker told; else -1
	Done      []NumberRange // messages that are in Kafka
	Refused   []Refused

	// If Doubtful, the messages that may be there, refused or not, and why no answer
	// can settle it.
	InDoubt []NumberRange
	Cause   error
}

// An IntentOutcome says what became of a record batch.
type IntentOutcome byte

// The outcomes.
const (
	Written    IntentOutcome = iota + 1 // it is in the partition
	Rejected                            // by the broker, for its own sake
	NotWritten                          // certainly not in the partition: cut up, or put back

	// Doubtful: it may be in the partition, and what the broker has answered cannot
	// settle that. Messages of it, and of its whole, that are not refused go out
	// again under other numbers.
	Doubtful
)

// Refused are messages that will not be sent again.
type Refused struct {
	Messages []NumberRange
	Code     int16  // Kafka's error code; 0: not a broker's refusal
	Reason   string // what was refused and what to do, without a byte of the messages
}

// Recovered is a record batch that a former process may have written. It goes
// out again as it was, before anything else of its partition.
type Recovered struct {
	Intent Intent
	Groups []*Group // with the messages of the intent, in their order

	// Rest are the messages of the intent's whole that are not of the intent
	// itself, in their order.
	Rest []*Group
}
