package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

// Messages are dated by the clock that the engine is given, and only they are: one
// that was ahead for a moment dates later messages a minute ahead at most, and a
// refused record batch is dated anew once the clock is right.
func TestClock_aheadAndBack(t *testing.T) {
	e, p, w := ledBy()
	e.closed = false
	w.notBefore = time.Now().Add(time.Hour) // nothing is sent
	start := time.Now()
	wall := start.Add(2 * time.Hour)
	e.wallClock = func() time.Time { return wall }
	submit := func() *submission {
		g := &producer.Group{Messages: make([]producer.Message, 1), Owner: make(settleCounts, 1)}
		e.Submit(g)
		s, ok := g.State.(*submission)
		require.True(t, ok)
		return s
	}
	ahead := submit()
	assert.Equal(t, wall.UnixMilli(), ahead.timestamp)
	assert.WithinDuration(t, start, ahead.submittedAt, time.Hour, "which counts for waiting")
	b := &recordBatch{}
	p.sealLocked(b, 1<<10)
	assert.False(t, e.restampLocked(p, b, time.Now()), "the clock is still ahead")

	wall = start
	behind := submit()
	assert.Equal(t, start.Add(time.Minute).UnixMilli(), behind.timestamp)
	wall = start.Add(2 * time.Hour) // once more
	submit()
	wall = start.Add(2 * time.Second)
	latest := wall.Add(time.Minute).UnixMilli()
	assert.True(t, e.restampLocked(p, b, time.Now()))
	assert.Equal(t, latest, ahead.timestamp)
	assert.Equal(t, latest, behind.timestamp, "not before the one in front of it")
	wall = start.Add(2 * time.Minute)
	assert.Equal(t, wall.UnixMilli(), submit().timestamp)
}
