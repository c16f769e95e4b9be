package forwarderotel

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/eventferry/eventferry/forwarder"
)

// stateMetrics are read from the forwarder when they are collected.
type stateMetrics struct {
	meter       metric.Meter
	instruments []metric.Observable

	bufferUsage, bufferLimit, waiters metric.Int64ObservableUpDownCounter
	undecided, waiting                metric.Int64ObservableUpDownCounter

	spoolUsage, spoolLimit, stored, refused metric.Int64ObservableUpDownCounter
	damaged, accepts, diskFree              metric.Int64ObservableUpDownCounter
	syncing                                 metric.Float64ObservableCounter
	oldest, windowLength                    metric.Float64ObservableGauge
	windows                                 metric.Int64ObservableUpDownCounter
	closedEarly, syncs, written             metric.Int64ObservableCounter

	requests, retries, connections metric.Int64ObservableCounter
	bytes, bytesSent               metric.Int64ObservableCounter
	throttled                      metric.Float64ObservableCounter
	ratio                          metric.Float64ObservableGauge

	renewalsRefused metric.Int64ObservableCounter
	expiry          metric.Int64ObservableGauge

	topic string // the only one; "" if there are several

	mu           sync.Mutex
	registration metric.Registration
}

func newStateMetrics(m metric.Meter) (*stateMetrics, error) {
	s := &stateMetrics{meter: m}
	var errs []error
	level := func(name, unit, description string) metric.Int64ObservableUpDownCounter {
		i, err := m.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		s.instruments = append(s.instruments, i)
		return i
	}
	counter := func(name, unit, description string) metric.Int64ObservableCounter {
		i, err := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		s.instruments = append(s.instruments, i)
		return i
	}
	s.bufferUsage = level("eventferry.buffer.usage", "By", "Memory that undecided batches take of the buffer.")
	s.bufferLimit = level("eventferry.buffer.limit", "By", "Size of the buffer: delivery.max_buffered_bytes.")
	s.waiters = level("eventferry.buffer.waiters", "{call}", "Calls that wait for room in the buffer.")
	s.undecided = level("eventferry.messages.undecided", "{message}", "Messages that were accepted and are not decided.")
	s.waiting = level("eventferry.partitions.waiting", "{partition}", "Partitions whose delivery makes no progress, by cause.")
	s.spoolUsage = level("eventferry.spool.usage", "By", "Disk that segments with messages take.")
	s.spoolLimit = level("eventferry.spool.limit", "By", "Size of the spool: spool.max_bytes.")
	s.stored = level("eventferry.spool.messages", "{message}", "Messages in the spool that are to be sent.")
	s.refused = level("eventferry.spool.refused", "{message}", "Messages in the spool that brokers have refused.")
	s.damaged = level("eventferry.spool.damaged", "{place}", "Places in the spool that were found damaged since it was opened.")
	s.accepts = level("eventferry.spool.accepts", "{spool}", "1 while the spool takes batches; 0: it has no room, or is closed.")
	s.diskFree = level("eventferry.spool.disk.free", "By", "What may still be written to the disk of the spool.")
	s.renewalsRefused = counter("eventferry.broker.renewals.refused", "{connection}", "Newer connections that were refused, so that the old ones stayed in use.")
	s.syncs = counter("eventferry.spool.syncs", "{sync}", "Syncs of the disk that stored batches have waited for; several batches share one.")
	s.written = counter("eventferry.spool.written", "By", "Stored batches as they lie on the disk.")
	s.windows = level("eventferry.spool.windows.open", "{window}", "Windows that gather the stored batches of a device.")
	s.closedEarly = counter("eventferry.spool.windows.closed_early", "{window}", "Windows closed before their time because there were too many.")
	s.requests = counter("eventferry.broker.requests", "{request}", "Produce requests.")
	s.retries = counter("eventferry.broker.retries", "{attempt}", "Attempts that left a record batch neither written nor refused.")
	s.connections = counter("eventferry.broker.connections", "{connection}", "Connections opened to send messages.")
	s.bytes = counter("eventferry.broker.uncompressed", "By", "Keys, values and headers of the messages in produce requests.")
	s.bytesSent = counter("eventferry.broker.io", "By", "Produce requests, compressed, before TLS.")
	var err error
	s.throttled, err = m.Float64ObservableCounter("eventferry.broker.throttled",
		metric.WithUnit("s"), metric.WithDescription("Time that brokers asked for because of a quota."))
	errs = append(errs, err)
	s.syncing, err = m.Float64ObservableCounter("eventferry.spool.syncing",
		metric.WithUnit("s"), metric.WithDescription("Time that these syncs took."))
	errs = append(errs, err)
	s.ratio, err = m.Float64ObservableGauge("eventferry.compression.ratio",
		metric.WithUnit("1"), metric.WithDescription("Bytes of messages divided by the bytes sent for them, since the start."))
	errs = append(errs, err)
	s.expiry, err = m.Int64ObservableGauge("eventferry.client.certificate.expiry",
		metric.WithUnit("s"), metric.WithDescription("When the client's certificate is no longer valid, since the epoch of Unix."))
	errs = append(errs, err)
	s.oldest, err = m.Float64ObservableGauge("eventferry.spool.oldest.age",
		metric.WithUnit("s"), metric.WithDescription("Time since the first message that is to be sent was stored."))
	errs = append(errs, err)
	s.windowLength, err = m.Float64ObservableGauge("eventferry.spool.windows.length",
		metric.WithUnit("s"), metric.WithDescription("How long a stored batch may wait for others of its device; 0: it leaves by itself."))
	errs = append(errs, err)
	s.instruments = append(s.instruments, s.throttled, s.syncing, s.expiry, s.ratio, s.oldest, s.windowLength)
	return s, errors.Join(errs...)
}

// open has stats read at each collection, after a call of first.
func (s *stateMetrics) open(topics []string, stats func() forwarder.Stats, first func(context.Context)) {
	if len(topics) == 1 {
		s.topic = topics[0]
	}
	r, err := s.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		first(ctx)
		s.observe(o, stats())
		return nil
	}, s.instruments...)
	if err != nil { // only for an instrument of another meter
		otel.Handle(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registration = r
}

// close ends what open began.
func (s *stateMetrics) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registration != nil {
		if err := s.registration.Unregister(); err != nil {
			otel.Handle(err)
		}
		s.registration = nil
	}
}

func (s *stateMetrics) observe(o metric.Observer, now forwarder.Stats) {
	o.ObserveInt64(s.bufferUsage, now.BufferedBytes)
	o.ObserveInt64(s.bufferLimit, now.BufferLimit)
	o.ObserveInt64(s.waiters, int64(now.WaitingForBuffer))
	o.ObserveInt64(s.undecided, int64(now.Undecided))
	o.ObserveInt64(s.renewalsRefused, now.RenewalsRefused)
	if !now.CertificateExpires.IsZero() {
		o.ObserveInt64(s.expiry, now.CertificateExpires.Unix())
	}
	s.observeWaits(o, now.Waits)
	s.observeSpool(o, now.Spool)
	s.observeBrokers(o, now.Brokers)
}

// observeWaits says 0 where nothing waits, so that an alert has something to see.
func (s *stateMetrics) observeWaits(o metric.Observer, waits []forwarder.WaitInfo) {
	type cause struct{ topic, errorType string }
	partitions := map[cause]int64{}
	for _, w := range waits {
		partitions[cause{cmp.Or(w.Topic, s.topic), errorType(w.Cause)}]++
	}
	if len(partitions) == 0 {
		o.ObserveInt64(s.waiting, 0)
	}
	for c, n := range partitions {
		o.ObserveInt64(s.waiting, n, metric.WithAttributes(labels{
			topic: c.topic, errorType: c.errorType, partition: noPartition,
		}.attributes()...))
	}
}

func (s *stateMetrics) observeSpool(o metric.Observer, now *forwarder.SpoolStats) {
	if now == nil {
		return
	}
	o.ObserveInt64(s.spoolUsage, now.Bytes)
	o.ObserveInt64(s.spoolLimit, now.Limit)
	o.ObserveInt64(s.stored, int64(now.Messages))
	o.ObserveInt64(s.refused, int64(now.Refused))
	o.ObserveFloat64(s.oldest, now.Oldest.Seconds())
	o.ObserveInt64(s.syncs, int64(now.Syncs))
	o.ObserveFloat64(s.syncing, now.SyncTime.Seconds())
	o.ObserveInt64(s.damaged, int64(now.Damaged))
	o.ObserveInt64(s.written, now.Written)
	o.ObserveInt64(s.accepts, oneIf(now.Accepts))
	if now.DiskFree >= 0 {
		o.ObserveInt64(s.diskFree, now.DiskFree)
	}
	o.ObserveFloat64(s.windowLength, now.WindowLength.Seconds())
	o.ObserveInt64(s.windows, int64(now.Windows))
	o.ObserveInt64(s.closedEarly, int64(now.WindowsClosedEarly))
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func (s *stateMetrics) observeBrokers(o metric.Observer, brokers []forwarder.BrokerStats) {
	var all, sent int64
	for i := range brokers {
		b := &brokers[i]
		at := metric.WithAttributes(attribute.Int("eventferry.broker.id", int(b.ID)), semconv.ServerAddress(b.Addr))
		o.ObserveInt64(s.requests, b.Requests, at)
		o.ObserveInt64(s.retries, b.Retries, at)
		o.ObserveInt64(s.connections, b.Connections, at)
		o.ObserveInt64(s.bytes, b.Bytes, at)
		o.ObserveInt64(s.bytesSent, b.BytesSent, at)
		o.ObserveFloat64(s.throttled, b.Throttled.Seconds(), at)
		all += b.Bytes
		sent += b.BytesSent
	}
	if sent > 0 {
		o.ObserveFloat64(s.ratio, float64(all)/float64(sent))
	}
}
