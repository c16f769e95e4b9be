package engine

import (
	"context"

	"github.com/IBM/sarama"
)

// A network opens connections to brokers.
type network interface {
	// connect returns once the connection is open and authenticated, or at the
	// end of ctx.
	connect(ctx context.Context, addr string) (conn, error)
}

// A conn is a connection to one broker. One goroutine uses it at a time; abort
// may be called by any.
type conn interface {
	// produce sends r. If it returns nil, answered is called once, on another
	// goroutine, with the broker's answer or with the reason why there will be
	// none; it must not block and must not call the connection, save abort. It
	// may be called before produce returns. If produce fails, answered is not
	// called, and whether the broker has got r is not known.
	produce(r *request, answered func(*sarama.ProduceResponse, error)) error

	// metadata asks where the topic is.
	metadata() (view, error)

	// producerID asks for a new producer id, whose epoch is 0.
	producerID() (int64, error)

	// abort closes the socket: all that is under way fails soon.
	abort()

	// close waits until nothing of the connection runs.
	close()
}

// A request is what one produce request carries: of each partition at most one
// record batch.
type request struct {
	parts []part
	bytes int // of all records, before compression
}

// A part is the records of one partition.
type part struct {
	partition int32
	records   *sarama.RecordBatch
}

// A view is what a broker says of the topic.
type view struct {
	topicID [16]byte         // zero: the broker does not tell, as before Kafka 2.8
	leaders []int32          // by partition: the broker's id, noLeader when there is none
	brokers map[int32]string // addresses by id
}

const noLeader = int32(-1)
