package durable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// Windows lose nothing to kills: every event is in Kafka once and in order, and in an
// envelope that the last of its batches had.
func TestKilled_windows(t *testing.T) {
	usual := 30
	if testing.Short() {
		usual = 8
	}
	for name, windows := range map[string][]string{
		"short":                   {"1s"},
		"longer than the process": {"1h"},
		"not in every process":    {"", "1s", "1h"},
	} {
		t.Run(name, func(t *testing.T) {
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			l := newLives(t, k.Settings(), seed(t))
			l.windows = windows
			stop := disturb(k, l.r.Uint64())
			for range kills(t, usual) {
				l.kill(t, 50*time.Millisecond, 700*time.Millisecond)
			}
			faults := stop()
			l.drain(t)
			c := check(k.Messages(t, "events"), l.stored, l.refused, 0)
			t.Logf("%v, %d faults: %+v", l, faults, c.findings)
			assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
			assert.Empty(t, l.refused)
			assert.Positive(t, c.Stored)
			most := len(c.begun()) // how many a second gathers is up to the machine
			if name == "longer than the process" {
				most /= 2
			}
			if len(windows) == 1 {
				assert.Less(t, c.Messages, most, "batches are gathered")
			}
		})
	}
}
