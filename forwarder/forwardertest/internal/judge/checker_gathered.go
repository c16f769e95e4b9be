package judge

import (
	"fmt"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/trace"
)

// gathered counts what windows did.
type gathered struct {
	messages int // with several batches
	most     int // batches in one
}

// checkGathered takes a message apart that may have several batches: each counts as if
// it were alone at the message's place, and together they must be a window's.
func (c *checker) checkGathered(m *forwardertest.Message) {
	pieces, err := c.h.params.Unfold(m.Value)
	if err != nil {
		c.add(AlteredContent, noAttempt(), "%s: %v", c.where(m), err)
		return
	}
	if mixed := c.h.params.Mixed(m.Value, pieces); mixed != "" {
		c.add(MixedWindow, noAttempt(), "%s: %s", c.where(m), mixed)
	}
	batches := 0
	for i, one := range pieces {
		if i == 0 || one.Batch != pieces[i-1].Batch {
			batches++
		}
		alone := *m
		alone.Value = one.Value
		c.checkBatch(&alone, one.Batch, true)
	}
	if len(m.Headers) > 0 && batches > 1 {
		c.add(MixedWindow, noAttempt(), "%s: a part of a batch that was split, together with others", c.where(m))
	}
	if batches > 1 {
		c.gathered.messages++
	}
	c.gathered.most = max(c.gathered.most, batches)
}

// inPieces reports whether the events of a batch may be in several messages, or only
// some of them there.
func (c *checker) inPieces(a *attempt) bool {
	return c.h.params.Windows || c.h.params.Shape(a.id) == load.Split || c.h.params.Divided(a.id)
}

// mustBeWhole reports whether a batch of windows must be there with all its events,
// although nobody was told that it is stored: it was acknowledged, or some of them are
// there.
func (c *checker) mustBeWhole(a *attempt) bool {
	acknowledged := !a.several && a.outcome == trace.Acknowledged
	return c.h.params.Windows && (acknowledged || a.seen != 0) && c.h.params.Shape(a.id) != load.TooLarge
}

// reportWindows says what windows did.
func (c *checker) reportWindows() string {
	return fmt.Sprintf("windows: %d of %d messages have several batches, one has %d", c.gathered.messages, c.messages, c.gathered.most)
}
