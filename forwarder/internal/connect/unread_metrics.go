package connect

import (
	"reflect"
	"sync"
)

// unreadMetrics is where Sarama registers the metrics of one connection, which
// nobody reads: [github.com/eventferry/eventferry/forwarder.Stats] counts for
// itself. Sarama has ten histograms for each connection, with 16 KB each, and all
// would be touched by each request. So all histograms are one and the same here, and
// so are all meters and all counters.
//
// It implements the interface of Sarama's Config.MetricRegistry.
type unreadMetrics struct {
	mu     sync.Mutex
	byKind map[reflect.Type]any // by the type of what makes the metric
}

func newUnreadMetrics() *unreadMetrics { return &unreadMetrics{byKind: map[reflect.Type]any{}} }

// GetOrRegister returns the one metric of the kind that metric makes, if it is a
// function, or is. The name does not matter.
func (u *unreadMetrics) GetOrRegister(_ string, metric any) any {
	u.mu.Lock()
	defer u.mu.Unlock()
	kind := reflect.TypeOf(metric)
	m, ok := u.byKind[kind]
	if !ok {
		m = metric
		if kind.Kind() == reflect.Func {
			m = reflect.ValueOf(metric).Call(nil)[0].Interface()
		}
		u.byKind[kind] = m
	}
	return m
}

// UnregisterAll forgets all metrics, and stops those that have to be.
func (u *unreadMetrics) UnregisterAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, m := range u.byKind {
		if running, ok := m.(interface{ Stop() }); ok {
			running.Stop()
		}
	}
	clear(u.byKind)
}

// Unregister is called for each name when the connection is closed.
func (u *unreadMetrics) Unregister(string) { u.UnregisterAll() }

// The rest is for readers of metrics, which there are none of.

func (u *unreadMetrics) Each(func(string, any))            {}
func (u *unreadMetrics) Get(string) any                    { return nil }
func (u *unreadMetrics) GetAll() map[string]map[string]any { return nil }
func (u *unreadMetrics) Register(string, any) error        { return nil }
func (u *unreadMetrics) RunHealthchecks()                  {}
