package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// A brokerNetwork opens connections to brokers.
type brokerNetwork interface {
	// connect returns once the connection is open and authenticated, or at the
	// end of ctx.
	connect(ctx context.Context, addr string) (brokerConn, error)
}

// A brokerConn is a connection to one broker. One goroutine uses it at a time;
// abort may be called on any.
type brokerConn interface {
	// produce sends r. If it returns nil, answered is called once, on another
	// goroutine, with the broker's answer or with the reason why there will be
	// none. answered must not block and must not call the connection, except
	// abort. It may be called before produce returns. If produce fails, answered
	// is not called, and r may have reached the broker.
	produce(r *produceRequest, answered func(*sarama.ProduceResponse, error)) error

	// metadata requests the topic's metadata.
	metadata() (topicMetadata, error)

	// producerID requests a new producer id.
	producerID() (producerIDAnswer, error)

	// written answers q, as far as the broker leads the partition and the user may
	// read its topic. When the leader has appended a record batch that is asked
	// about, it waits for some time until all replicas have it.
	written(q *logQuery) (logAnswer, error)

	// verify reports an error unless the broker answers a produce request that
	// writes nothing.
	verify() error

	// throttledFor returns for how long the broker, which has a quota, asks not to
	// be asked again on this connection. It is about metadata, producerID and
	// verify.
	throttledFor() time.Duration

	// closedByBroker reports whether the broker is known to have closed the
	// connection while it was idle.
	closedByBroker() bool

	// abort closes the socket: everything in flight fails soon.
	abort()

	// close waits until nothing of the connection runs.
	close()
}

// An aboveMaxWrittenError is why a request was not sent that would take more on the
// connection than it may.
type aboveMaxWrittenError struct{ bytes int }

func (e *aboveMaxWrittenError) Error() string {
	return fmt.Sprintf("the request takes %d bytes on the wire, more than it may", e.bytes)
}

// A produceRequest holds at most one record batch of each partition.
type produceRequest struct {
	partitions []partitionRecords
	bytes      int // of all records, before compression
	written    int // bytes on the connection, set before produce returns; 0: it does not know

	// maxWritten is how many bytes the request may take on the connection; 0: any
	// number. If it takes more, nothing of it is sent, produce fails with an
	// aboveMaxWrittenError, and the connection stays usable.
	maxWritten int

	// mayBeSent, if set, is called before anything of the request reaches the
	// socket. It blocks until that may happen. If it returns an error, nothing is
	// sent, and produce fails. It may be called several times.
	mayBeSent func() error
}

// partitionRecords are the records of one partition.
type partitionRecords struct {
	topic     string
	partition int32
	batch     *sarama.RecordBatch
}
