package forwardertest

import (
	"errors"
	"net"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/faultconn"
)

// some returns the listeners of the brokers with these node ids, all for none.
// It panics for a broker that does not exist.
func (k *Kafka) some(brokers []int) []*faultconn.Listener {
	if len(brokers) == 0 {
		return k.listeners
	}
	var ls []*faultconn.Listener
	for _, b := range brokers {
		ls = append(ls, k.listeners[b])
	}
	return ls
}

// CutConnections resets all connections to the brokers with these node ids, to
// all brokers if none is given, and returns how many there were. New ones are
// accepted.
func (k *Kafka) CutConnections(brokers ...int) int {
	n := 0
	for _, l := range k.some(brokers) {
		n += l.Cut()
	}
	f := newFault(func() {})
	f.count(n)
	k.remember(f)
	return n
}

// Unreachable closes the ports of brokers and resets their connections, as a
// process that died. [Fault.Stop] opens the same ports again and panics should
// another process have taken one for good. No brokers means all. The port of a
// broker that several such faults hit opens with the last Stop.
func (k *Kafka) Unreachable(brokers ...int) *Fault {
	ls := k.some(brokers)
	f := newFault(func() {
		for _, l := range ls {
			if err := l.Up(); err != nil && !errors.Is(err, net.ErrClosed) {
				panic("forwardertest: " + err.Error())
			}
		}
	})
	n := 0
	for _, l := range ls {
		n += l.Down()
	}
	f.count(n)
	return k.remember(f)
}

// Silence stops brokers as SIGSTOP does: connections are accepted and stay
// open, and nothing is read from them or answered, TLS included. After
// [Fault.Stop] the brokers go on where they were, with all that has arrived.
// No brokers means all. A broker that several such faults hit goes on with the
// last Stop.
func (k *Kafka) Silence(brokers ...int) *Fault {
	ls := k.some(brokers)
	f := newFault(func() {
		for _, l := range ls {
			l.Wake()
		}
	})
	n := 0
	for _, l := range ls {
		l.Silence()
		n += l.Connections()
	}
	f.count(n)
	return k.remember(f)
}

// Connections returns how many connections are open to all brokers.
func (k *Kafka) Connections() int {
	n := 0
	for _, l := range k.listeners {
		n += l.Connections()
	}
	return n
}

// IdleClosed returns how many connections were closed by [WithIdleTimeout].
func (k *Kafka) IdleClosed() int {
	n := 0
	for _, l := range k.listeners {
		n += l.Idled()
	}
	return n
}

// Requests returns how many requests of a kind have arrived at all brokers,
// whatever became of them.
func (k *Kafka) Requests(r Request) int {
	n := 0
	for _, l := range k.listeners {
		n += l.Requests(int16(r))
	}
	return n
}

// FaultHits adds up what all faults have hit so far.
func (k *Kafka) FaultHits() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	n := 0
	for _, f := range k.faults {
		n += f.Hits()
	}
	return n
}

func (k *Kafka) remember(f *Fault) *Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.faults = append(k.faults, f)
	return f
}
