package forwarder

import (
	"time"
)

// Stats says how a forwarder is doing. Numbers "so far" count from [New] on and
// never fall. Fields may be added.
type Stats struct {
	BufferedBytes    int64 // what undecided batches take of the buffer
	BufferLimit      int64 // delivery.max_buffered_bytes; with a spool half of it, since half is for sending
	WaitingForBuffer int   // calls that wait for room in it

	// Messages: each is undecided from its acceptance on, and then, once, one of
	// the other three, so far. The four are of one moment. With a spool the
	// undecided ones are those on the disk.
	Undecided    int
	Acknowledged int64
	NotSent      int64
	Unknown      int64

	NotAccepted    int64 // batches so far of which an error left no message: a filter's, a size, the end of a context before acceptance, a closed forwarder
	DroppedBatches int64 // by filters and settings, so far
	DroppedEvents  int64 // the same, those of dropped batches included

	// RenewalsRefused counts newer connections that were refused so far, so that the old
	// ones stayed in use (delivery.max_connection_age). The log says why. 0 with
	// [WithSaramaProducer].
	RenewalsRefused int64

	// CertificateExpires is when the client's certificate, or one of its chain, is no longer
	// valid: as tls.cert_file holds it now, or the tls.Config of [WithTLS]. Zero:
	// there is none, or a function of that configuration gives it.
	CertificateExpires time.Time

	// Waits has the partitions that wait, by topic and partition, as [Observer].Waiting
	// is told of them: what a look once a second has found.
	Waits []WaitInfo

	// Spool is what the spool holds; nil: there is none.
	Spool *SpoolStats

	// Brokers has those to which messages were sent, or are to be, by their ids. It
	// is nil with [WithSaramaProducer], which tells nothing of them.
	Brokers []BrokerStats
}

// SpoolStats is what a spool holds. Fields may be added.
type SpoolStats struct {
	Bytes    int64         // on the disk, of segments with messages: it sinks by whole segments
	Limit    int64         // the setting spool.max_bytes, or Options.MaxBytes of the spool
	Messages int           // that are to be sent
	Oldest   time.Duration // since the first of them was accepted, in whatever process; 0: there is none
	Refused  int           // messages that brokers have refused, until they are put again or discarded
	Syncs    int           // of stored batches since the spool was opened; several batches share one
	SyncTime time.Duration // of all of them together
	Written  int64         // bytes of stored batches since then, as they lie on the disk; what is noted about sending them is not in it
	Damaged  int           // places found damaged since then, which [spool.Spool.Damage] lists
	Accepts  bool          // it takes batches; false: it has no room, or is closed, as [Forwarder.Ready] says
	DiskFree int64         // bytes that this user may still write to its disk; -1: the system does not tell, as is so beside Linux

	// With [WithWindow], or the setting spool.window, which WindowLength is; 0: there are
	// none. Windows are those that are open now, or closed and not being stored yet.
	// WindowsClosedEarly are those that were closed since New because there were too
	// many.
	WindowLength                time.Duration
	Windows, WindowsClosedEarly int
}

// BrokerStats is what was sent to one broker so far. Connections that ask for
// metadata, producer ids, or in [New] and [Forwarder.Ping], are not in it. Fields may
// be added.
type BrokerStats struct {
	ID   int32
	Addr string // host:port of advertised.listeners; empty if the broker is gone

	Requests  int64         // produce requests, from when they are put together; one that is put back unsent is left out of those that follow
	Retries   int64         // attempts at a record batch after which it was neither written nor refused
	Throttled time.Duration // that the broker asked us to wait for, because of a quota
	Messages  int64         // in those requests; one that is sent again counts again
	Bytes     int64         // keys, values and headers of those messages
	BytesSent int64         // of those requests, compressed, before TLS

	Connections    int64     // opened
	ConnectedSince time.Time // when the present connection was opened; zero: there is none
}
