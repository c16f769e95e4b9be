package window

import "time"

// An Instant is a moment on both clocks of a machine.
type Instant struct {
	Wall  time.Time     // may be set, ahead or back
	Since time.Duration // only grows, and stands still while the machine sleeps
}

// Clock returns a clock of the machine.
func Clock() func() Instant {
	start := time.Now()
	return func() Instant {
		now := time.Now()
		return Instant{Wall: now.Round(0), Since: now.Sub(start)}
	}
}

// jump is by how much the wall clock may drift from the other one before that counts as
// a jump: clocks are slewed all the time.
const jump = 50 * time.Millisecond

// A pace is the time by which windows close. It goes on with the clock that only
// grows, and beyond that when the wall clock jumps ahead, so that a window is not
// open longer than its length by either clock.
type pace struct {
	ahead time.Duration // of Since
	apart time.Duration // the wall clock's distance from Since, when that was looked at last
	begun bool
	first time.Time
}

func (p *pace) at(now Instant) time.Duration {
	if !p.begun {
		p.begun, p.first, p.apart = true, now.Wall, -now.Since
	}
	apart := now.Wall.Sub(p.first) - now.Since
	switch moved := apart - p.apart; {
	case moved > jump:
		p.ahead += moved
		p.apart = apart
	case moved < -jump: // set back: what is open goes by the other clock
		p.apart = apart
	}
	return now.Since + p.ahead
}
