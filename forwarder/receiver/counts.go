package receiver

import (
	"maps"
	"sync"
	"sync/atomic"
)

// counts has what [Receiver.Stats] tells of posts.
type counts struct {
	posts   countTable[postKey]
	refused countTable[refusalKey]
}

type postKey struct {
	door   Door
	feed   string
	status int
}

type refusalKey struct {
	door Door
	feed string
	fate fate
}

// maxCounted bounds the counts of a table. Names of feeds are the caller's, who may make
// more of them as time goes by.
const maxCounted = 2000

// otherFeed stands for feeds beyond that.
const otherFeed = "_OTHER"

// posted counts a request that was answered.
func (c *counts) posted(door Door, feed string, status int) {
	if !c.posts.add(postKey{door, feed, status}, maxCounted) {
		c.posts.add(postKey{door, otherFeed, status}, 2*maxCounted)
	}
}

// refuse counts something that can never be forwarded.
func (c *counts) refuse(door Door, feed string, f fate) {
	if !c.refused.add(refusalKey{door, feed, f}, maxCounted) {
		c.refused.add(refusalKey{door, otherFeed, f}, 2*maxCounted)
	}
}

// A countTable counts by key. Counting takes no lock and no memory, save for a key's
// first time: the map is copied then, and never changed.
type countTable[K comparable] struct {
	counts atomic.Pointer[map[K]*atomic.Int64]
	adding sync.Mutex
}

// add counts one. It reports false for a key that is new, and has no room.
func (t *countTable[K]) add(key K, limit int) bool {
	if n := t.all()[key]; n != nil {
		n.Add(1)
		return true
	}
	t.adding.Lock()
	defer t.adding.Unlock()
	all := t.all()
	n := all[key] // another may have added it meanwhile
	if n == nil {
		if len(all) >= limit {
			return false
		}
		more := make(map[K]*atomic.Int64, len(all)+1)
		maps.Copy(more, all)
		n = new(atomic.Int64)
		more[key] = n
		t.counts.Store(&more)
	}
	n.Add(1)
	return true
}

func (t *countTable[K]) all() map[K]*atomic.Int64 {
	if all := t.counts.Load(); all != nil {
		return *all
	}
	return nil
}
