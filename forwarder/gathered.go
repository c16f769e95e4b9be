package forwarder

import (
	"slices"
	"weak"

	"github.com/eventferry/eventferry/forwarder/internal/drain"
	"github.com/eventferry/eventferry/forwarder/internal/window"
)

// A gathering is the callers of batches that leave as one.
type gathering struct {
	waiting []*storedBatch

	// Callers that have their error and may ask again by its Wait. Only that error
	// keeps their batch in memory, so the pointers are weak.
	left []weak.Pointer[storedBatch]
}

// moved is called when the batches of a window become one entry, whose messages are
// numbered from to on. If an attempt to store that entry has failed before, from is the
// number that it had then; otherwise it is 0.
func (u *spoolUse) moved(w *window.Window, from, to uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting == nil {
		return
	}
	g := u.gathered[from]
	if from == 0 || g == nil {
		g = u.gatherLocked(w)
	}
	delete(u.gathered, from)
	for _, k := range g.waiting {
		k.number = to
	}
	for _, p := range g.left {
		if k := p.Value(); k != nil {
			k.number = to
		}
	}
	if len(g.waiting)+len(g.left) > 0 {
		u.gathered[to] = g
	}
}

// gatherLocked takes the callers of the window's batches out of waiting and left.
func (u *spoolUse) gatherLocked(w *window.Window) *gathering {
	g := &gathering{}
	for _, r := range w.Parts {
		for n := r.First; n < r.Next; n++ {
			if k := u.waiting[n]; k != nil {
				g.waiting = append(g.waiting, k)
				delete(u.waiting, n)
			}
			if p, ok := u.left[n]; ok {
				g.left = append(g.left, p)
				delete(u.left, n)
			}
		}
	}
	return g
}

// enterLocked makes u tell k about the outcome of its messages.
func (u *spoolUse) enterLocked(k *storedBatch) {
	if k.number == k.first {
		u.waiting[k.first] = k
		delete(u.left, k.first)
		return
	}
	if g := u.gathered[k.number]; g != nil && !slices.Contains(g.waiting, k) {
		g.waiting = append(g.waiting, k)
	}
}

// leaveLocked undoes enterLocked. back: the caller of k may ask again.
func (u *spoolUse) leaveLocked(k *storedBatch, back bool) {
	if u.waiting == nil {
		return
	}
	if k.number == k.first {
		if u.waiting[k.first] == k {
			delete(u.waiting, k.first)
			if back && k.windowed {
				u.left[k.first] = weak.Make(k)
			}
		}
		return
	}
	g := u.gathered[k.number]
	if g == nil {
		return
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(other *storedBatch) bool { return other == k })
	if back {
		g.left = append(g.left, weak.Make(k))
	}
}

// gatheredLocked returns the callers that wait for the gathered entry whose first
// message has this number. If ended is not nil, the entry has ended, and told has the
// batches whose end the observer is told of when their callers leave.
func (u *spoolUse) gatheredLocked(first uint64, ended *drain.Ended) (list []*storedBatch, told map[uint64]bool) {
	g := u.gathered[first]
	if g == nil {
		return nil, nil
	}
	list = slices.Clone(g.waiting)
	if ended == nil {
		return list, nil
	}
	delete(u.gathered, first)
	told = map[uint64]bool{}
	for _, k := range list {
		if !k.reported {
			k.outcomes, told[k.first] = append(k.outcomes, ended.Of(k.first)), true
		}
	}
	return list, told
}

// observeAll tells the observer how a batch ended, or each of those that left as one.
// It passes over those in told.
func (u *spoolUse) observeAll(ended *drain.Ended, told map[uint64]bool) {
	if len(ended.Parts) == 0 {
		u.observe(ended)
		return
	}
	for _, r := range ended.Parts {
		for n := r.First; n < r.Next; n++ {
			if !told[n] {
				u.observe(ended.Of(n))
			}
			if ended.Messages > 1 { // all of one batch, which was split
				return
			}
		}
	}
}

// closeWindows closes the open windows, at Shutdown. No call adds to the spool any
// more, save for one that outlasts Shutdown's context.
func (u *spoolUse) closeWindows() {
	if u.windows != nil {
		u.windows.table.CloseAll()
	}
}

// endWindows leaves windows that are open as they are, for the next start.
func (u *spoolUse) endWindows() {
	if u.windows != nil {
		u.windows.end()
	}
}
