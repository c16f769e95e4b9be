package drain

import "math/rand/v2"

// A livesMood is how a run differs from others: with everything possible all of the
// time, much would never happen.
type livesMood struct {
	lives, topics, users int
	partitions           int32 // of a topic, at most, at first
	messages, bytes      int   // at most, of an entry for a topic, and of a value
	backlog              int   // messages: no more are stored while there are so many
	alike                int   // entries for the same topics that follow each other, about
	keyless              bool
	adders               int
	maxBytes             int64 // of the drain
	segmentBytes         int64
	steps                int // of a life, at most
	batch                int // messages of a record batch, at most
	rests                int // one step in so many waits until nothing moves
	meddles              int // in a hundred: what the producers do while an entry is read
	add, stand, see      int // how often in a hundred steps
	stands               int // steps, at most
	late                 int // steps until partitions are known, at most
	learns               int // in a thousand: partitions become known when the drain calls something
	grows                bool
	cuts                 int // how often in a hundred ends of a process the power is cut
	ops                  int // one life in so many ends at an operation of the disk; 0: none
}

func newLivesMood(r *rand.Rand) livesMood {
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	return livesMood{
		lives: 2 + r.IntN(4), topics: pick(3, 3, 2, 1), users: pick(1, 3, 8, 20), partitions: int32(pick(1, 2, 4)), //nolint:gosec // few
		messages: pick(1, 2, 4), bytes: pick(20, 300, 2000), backlog: pick(30, 150, 400), alike: pick(1, 1, 5, 30), keyless: r.IntN(3) == 0, adders: pick(1, 1, 2),
		maxBytes: int64(pick(6, 12, 40, 200) << 10), segmentBytes: int64(pick(32, 64, 64) << 10),
		steps: pick(100, 500, 2000), batch: pick(1, 3, 20), rests: pick(1, 1, 4, 40), meddles: pick(0, 2, 30),
		add: pick(5, 20, 40), stand: pick(0, 1, 5), see: 2, stands: pick(10, 100, 1000), late: pick(0, 20, 400, 2000), learns: pick(0, 3, 10, 30),
		grows: r.IntN(4) == 0, cuts: pick(0, 30, 100), ops: pick(0, 1, 2),
	}
}

// A livesDefect is what is broken in a run that must be caught.
type livesDefect struct {
	passesOver       bool // the drain passes over an entry once
	putsBehind       bool // the producer puts what was not written behind what waits
	forgetsRecovered bool // the producer does not get what may have been written
	recoversLate     bool // it sends that behind what waits
	intendsNothing   bool // the journal is not asked
	boundless        bool // the drain may load more
	jumps            bool // what becomes known moves the reading forward, too
}
