package drain

import (
	"testing/synctest"
	"time"
)

// stand makes a partition, or all of a topic, stand still.
func (l *livesLife) stand() {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.producers[l.rand.IntN(len(l.producers))]
	if len(p.partitions) == 0 {
		return
	}
	until := l.step() + l.rand.IntN(l.mood.stands)
	one := l.rand.IntN(len(p.partitions))
	all := l.rand.IntN(3) == 0
	for id, part := range p.partitions {
		if all || id == one {
			part.stands = until
			l.say("%s, partition %d stands still until step %d", l.topics[p.topic].name, id, until)
		}
	}
}

// heal repairs everything, and waits until all is delivered.
func (l *livesLife) heal() {
	const patience = 200
	l.mu.Lock()
	l.healing = true
	l.mu.Unlock()
	l.say("all is well from now on")
	for idle := 0; !l.failed(); {
		l.learnAll()
		synctest.Wait()
		l.mu.Lock()
		ended, bytes := l.ended, l.bytes
		l.mu.Unlock()
		if l.idle() && l.store.Stats().Messages == 0 {
			if n := l.left(); n > 0 {
				l.fault("", "lost: %d messages are not in Kafka, and the store has none", n)
			}
			return
		}
		for range 50 {
			l.act()
		}
		l.mu.Lock()
		idle++
		if l.ended > ended {
			idle = 0
		}
		l.mu.Unlock()
		if idle > patience {
			l.fault("", "stuck: %d messages are left, of which %d in the store; the producers have %d bytes", l.left(), l.store.Stats().Messages, bytes)
			return
		}
		if idle > 0 {
			time.Sleep(20 * time.Millisecond) //nolint:forbidigo // in a bubble
		}
	}
}
