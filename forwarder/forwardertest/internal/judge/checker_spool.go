package judge

// checkStored compares a batch that is stored with the log: each event is there,
// or in the refused part.
func (c *checker) checkStored(at attemptID, a *attempt) {
	if !a.stored && !c.mustBeWhole(a) {
		return
	}
	from, to := c.span(at, a)
	there := c.h.spool.held[at]
	switch {
	case c.inPieces(a):
		there |= c.pieces[a.id]
	case a.seen != 0:
		there |= bits(from, to)
	}
	if missing := bits(from, to) &^ there; missing != 0 {
		c.add(Lost, at, "id %d of owner %d number %d was stored, and of its events %d to %d, %b is missing", a.id, at.owner, at.n, from, to, missing)
	}
}

// checkRevised looks at what was acknowledged before a kill, and is not known to be
// there after it: that is held, and nothing else is said of it.
func (c *checker) checkRevised() {
	if c.h.spool == nil {
		return
	}
	for _, at := range c.h.spool.revised {
		if c.h.spool.held[at] == 0 {
			c.add(Contradiction, at, "owner %d number %d was acknowledged, then not known, and is not held", at.owner, at.n)
		}
	}
}

// checkDoubts: at most one record batch of each partition is in doubt.
func (c *checker) checkDoubts() {
	if !c.doubts {
		return
	}
	seen := map[int32]bool{}
	for _, d := range c.h.spool.doubts {
		if seen[d.partition] {
			c.add(GaveUp, noAttempt(), "partition %d has more than one record batch in doubt", d.partition)
		}
		seen[d.partition] = true
	}
	if len(seen) < c.leastDoubts {
		c.add(NothingHappened, noAttempt(), "%d record batches are in doubt, %d are needed", len(seen), c.leastDoubts)
	}
}
