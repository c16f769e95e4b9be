package forwarder

import (
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Stats returns the numbers of this moment. It asks no broker, blocks for no longer
// than a lock is held, and may be called from any goroutine as often as a scrape
// comes, also after Close. It reads tls.cert_file, if there is one, and asks the system
// for the free bytes of the spool's disk.
func (f *Forwarder) Stats() Stats {
	s := Stats{
		NotAccepted:    f.notAccepted.Load(),
		DroppedBatches: f.droppedBatches.Load(),
		DroppedEvents:  f.droppedEvents.Load(),
		BufferLimit:    f.buffer.limit,

		CertificateExpires: f.topics[0].probe.CertificateExpires(), // all topics have the same
	}
	if refused := f.options.renewalsRefused; refused != nil {
		s.RenewalsRefused = refused.Load()
	}
	s.BufferedBytes, s.WaitingForBuffer = f.buffer.state()
	var decided decidedMessages
	s.Undecided, decided = f.inFlight.state()
	if f.spool != nil {
		s.Spool = f.spool().stats(time.Now())
		s.Undecided = s.Spool.Messages
		used, waiting := f.spool().room.buffer.state()
		s.BufferLimit += f.spool().room.buffer.limit
		s.BufferedBytes, s.WaitingForBuffer = s.BufferedBytes+used, s.WaitingForBuffer+waiting
	}
	s.Acknowledged = decided[producer.Acknowledged]
	s.NotSent = decided[producer.NotSent]
	s.Unknown = decided[producer.Unknown]
	waits := 0
	for _, t := range f.topics {
		waits += len(t.watch.Waits())
	}
	if waits > 0 {
		s.Waits = make([]WaitInfo, 0, waits)
	}
	for _, t := range f.topics {
		for _, i := range t.watch.Waits() {
			s.Waits = append(s.Waits, WaitInfo{Topic: t.name, Partition: i.Partition, Since: i.Since, Cause: i.Cause, Next: i.Next})
		}
	}
	if m, ok := f.topics[0].producer().(producer.Meter); ok { // all topics share the connections
		brokers := m.Brokers()
		s.Brokers = make([]BrokerStats, len(brokers))
		for i, b := range brokers {
			s.Brokers[i] = BrokerStats(b)
		}
	}
	return s
}
