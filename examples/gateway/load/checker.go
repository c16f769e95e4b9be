package main

import (
	"bytes"
	"strconv"
)

// A checker compares the messages of the topic, in the order of each partition, with
// what was confirmed.
type checker struct {
	work   *workload
	seen   [][]uint64 // of each caller a bit for each batch
	last   map[int64]int
	place  map[int64]int32
	want   []byte // the text of the last message
	counts verdict
}

// A verdict counts what was found. All but read must be 0.
type verdict struct {
	read       int
	lost       int // confirmed, and not there
	twice      int
	outOfOrder int // behind a later one of the same user
	misplaced  int // with another key, or in another partition than others of the user
	foreign    int // nobody posted it
	changed    int // its text is not that of the batch, without what settings remove
}

func (v verdict) good() bool {
	return v.lost+v.twice+v.outOfOrder+v.misplaced+v.foreign+v.changed == 0
}

func newChecker(w *workload, callers int) *checker {
	return &checker{work: w, seen: make([][]uint64, callers), last: map[int64]int{}, place: map[int64]int32{}}
}

// see takes the next message of a partition.
func (c *checker) see(partition int32, key, value []byte) {
	c.counts.read++
	caller, n, err := identify(value)
	if err != nil || caller < 0 || caller >= len(c.seen) || n < 0 {
		c.counts.foreign++
		return
	}
	user := c.work.user(caller, n)
	if first, ok := c.place[user]; string(key) != strconv.FormatInt(user, 10) || ok && first != partition {
		c.counts.misplaced++
	}
	c.place[user] = partition
	if c.want = c.work.message(c.want[:0], caller, n); !bytes.Equal(value, c.want) {
		c.counts.changed++
	}
	bits := c.seen[caller]
	for len(bits) <= n/64 {
		bits = append(bits, 0)
	}
	c.seen[caller] = bits
	if bits[n/64]&(1<<(n%64)) != 0 {
		c.counts.twice++
		return // its order says nothing
	}
	bits[n/64] |= 1 << (n % 64)
	if last, ok := c.last[user]; ok && n < last {
		c.counts.outOfOrder++
	}
	c.last[user] = max(n, c.last[user])
}

// finish says what became of the batches: posted[i] is how many caller i has posted,
// and confirmed[i] how many of them, the first ones, were answered 2xx.
func (c *checker) finish(posted, confirmed []int) verdict {
	v := c.counts
	for caller, bits := range c.seen {
		for n := range max(confirmed[caller], len(bits)*64) {
			there := n/64 < len(bits) && bits[n/64]&(1<<(n%64)) != 0
			switch {
			case n < confirmed[caller] && !there:
				v.lost++
			case n >= posted[caller] && there:
				v.foreign++
			}
		}
	}
	return v
}
