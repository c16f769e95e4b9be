package engine

import (
	"cmp"
	"slices"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

var _ producer.Meter = (*Engine)(nil)

// Brokers implements [producer.Meter].
func (e *Engine) Brokers() []producer.BrokerStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]producer.BrokerStats, 0, len(e.counters))
	for id, c := range e.counters {
		s := producer.BrokerStats{
			ID: id, Addr: e.brokers[id], Requests: c.requests, Retries: c.retries, Throttled: c.throttled,
			Messages: c.messages, Bytes: c.bytes, BytesSent: c.written.Load(), Connections: c.connections,
		}
		if w := e.workers[id]; w != nil && w.conn != nil && !w.broken {
			s.ConnectedSince = w.connectedAt
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b producer.BrokerStats) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
