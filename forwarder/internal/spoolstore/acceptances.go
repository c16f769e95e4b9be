package spoolstore

import (
	"cmp"
	"slices"
	"time"
)

// acceptances says when messages were accepted, to a second, so that the age of
// the oldest one is known without reading it.
type acceptances struct {
	list   []acceptance // by number
	lowest uint64       // no message below is pending; it only grows
}

// An acceptance is when the messages from a number on were accepted, up to the next
// acceptance.
type acceptance struct {
	first uint64
	at    time.Time
}

// acceptanceStep is how far apart two of them are at least.
const acceptanceStep = time.Second

// append notes the newest message. Those behind it were given up. It reports whether
// the list has grown.
func (a *acceptances) append(first uint64, at time.Time) (inserted bool) {
	i, _ := a.find(first)
	a.list = a.list[:i]
	return a.insert(first, at)
}

// insert notes a message of a former process, when it is read.
func (a *acceptances) insert(first uint64, at time.Time) (inserted bool) {
	i, known := a.find(first)
	if known || i > 0 && at.Sub(a.list[i-1].at) < acceptanceStep {
		return false
	}
	a.list = slices.Insert(a.list, i, acceptance{first, at})
	a.forget()
	return true
}

func (a *acceptances) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(a.list, number, func(e acceptance, n uint64) int { return cmp.Compare(e.first, n) })
}

// forget drops what says nothing of pending messages.
func (a *acceptances) forget() {
	n := 0
	for n+1 < len(a.list) && a.list[n+1].first <= a.lowest {
		n++
	}
	a.list = slices.Delete(a.list, 0, n)
}

// of returns when a message was accepted; zero: it is not known.
func (a *acceptances) of(number uint64) time.Time {
	i, known := a.find(number)
	switch {
	case known:
		return a.list[i].at
	case i > 0:
		return a.list[i-1].at
	default:
		return time.Time{}
	}
}
