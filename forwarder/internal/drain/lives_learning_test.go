package drain

// learn makes partitions known, and their number grow.
func (l *livesLife) learn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range l.producers {
		if l.rand.IntN(300) == 0 {
			l.growLocked(l.topics[i])
		}
		if p.at <= l.step() && (p.known.Load() == 0 || l.rand.IntN(100) < l.mood.see) {
			p.learnLocked()
		}
	}
}

// growLocked adds partitions to a topic, if there are not many.
func (l *livesLife) growLocked(t *livesTopic) {
	if l.mood.grows && t.count < 9 {
		t.count += 1 + l.rand.Int32N(3)
		l.happens("partitions are added")
		l.say("%s has %d partitions", t.name, t.count)
	}
}

// learnSome makes partitions of a topic known while the drain is in the middle of something.
// The drain's reading goroutine calls it.
func (l *livesLife) learnSome() {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, chance := l.drain.Load().ahead.Position(), l.mood.learns
	l.farthest = max(l.farthest, at)
	if at < l.farthest { // it is there for a short time only
		chance *= 10
	}
	if l.rand.IntN(1000) >= chance {
		return
	}
	p := l.producers[l.rand.IntN(len(l.producers))]
	t := l.topics[p.topic]
	if l.rand.IntN(10) == 0 {
		l.growLocked(t)
	}
	switch known := p.known.Load(); {
	case known == t.count:
		return
	case known > 0:
		l.happens("added partitions become known while the drain reads")
	case at < l.farthest:
		l.happens("a topic becomes known while the drain has gone back for others")
	}
	p.learnLocked()
}

// jump makes the drain go on reading, with topics that it has begun with a moment ago, at
// the first message for these, even if it was not there yet.
func (l *livesLife) jump() int32 {
	d, first := l.drain.Load(), uint64(noRestart)
	for _, t := range d.topics {
		if t.met() && !l.met[t.Name] {
			l.met[t.Name], first = true, min(first, t.passed)
		}
	}
	if first != noRestart {
		d.restart = first
	}
	return 0
}

// learnAll makes the partitions of all topics known, of one after the other.
func (l *livesLife) learnAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.producers {
		if l.rand.IntN(8) == 0 {
			p.learnLocked()
		}
	}
}
