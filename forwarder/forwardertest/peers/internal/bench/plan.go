// Package bench makes a run: it starts the clusters, gives each contender its
// jobs, checks the messages that have arrived and gathers the results.
package bench

import (
	"fmt"
	"slices"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

const partitions = 12

// A cell is one kind of work, which all of its contenders do in each round.
type cell struct {
	size       work.Size
	codec      string
	callers    int
	group      int
	pipe       bool
	partitions int32
	contenders []string
	rounds     int
}

// shape is the name that the load has in tables.
func (c cell) shape() string {
	if c.pipe {
		return "pipeline"
	}
	return fmt.Sprintf("%d x %d", c.callers, c.group)
}

// hasFloor reports whether this contender is compared with the floor of batches
// like its own: where the work shows the client rather than the brokers.
func (c cell) hasFloor(name string) bool {
	return (name == peer.Engine || name == peer.Seam) && c.group > 1 && !c.pipe && c.size != work.KB64()
}

func (c cell) String() string { return fmt.Sprintf("%s %s %s", c.size.Name, c.codec, c.shape()) }

// groupOf is how many messages a caller hands over at once, so that all sizes
// have about as many bytes on their way.
func groupOf(s work.Size) int {
	switch s {
	case work.KiB1():
		return 100
	case work.KB9():
		return 10
	}
	return 2
}

const callers = 64

// others returns the contenders that need no Java.
func others() []string {
	return append([]string{peer.Forward, peer.Engine, peer.Seam, peer.Sarama, peer.Confluent}, peer.Lingers()...)
}

func everybody() []string { return append(others(), peer.Java) }

// Rounds of most cells, and of those that a decision hangs on.
const (
	rounds     = 3
	moreRounds = 5
)

// oneBroker is what a single broker gets: everything, with Java where it is
// asked for.
func oneBroker(quick bool) []cell {
	var cells []cell
	for _, size := range work.Sizes() {
		for _, codec := range []string{"none", "lz4", "zstd"} {
			for _, c := range shapes(size) {
				c.codec, c.contenders, c.rounds = codec, others(), rounds
				if size == work.KB9() && codec != "none" {
					c.contenders = everybody()
				}
				if size == work.KB9() && codec == "zstd" && !c.pipe {
					c.contenders = append(c.contenders, peer.Stock)
				}
				if codec == "zstd" && c.group > 1 && !c.pipe && size != work.KB64() {
					c.contenders = append(append(c.contenders, peer.FromBytes), peer.ByHand()...)
				}
				if codec == "zstd" && c.group == 1 && size == work.KB9() {
					c.contenders = append(append(c.contenders, peer.Webhook), peer.PostedByStructs()...)
				}
				if !c.pipe && size != work.KB64() && (c.group > 1 || codec != "none" && size == work.KB9()) {
					c.rounds = moreRounds
				}
				switch {
				case !quick:
					cells = append(cells, c)
				case size == work.KB9() && codec == "zstd" && !c.pipe:
					c.rounds = rounds
					cells = append(cells, c)
				}
			}
		}
	}
	return cells
}

// threeBrokers is what a cluster gets.
func threeBrokers() []cell {
	var cells []cell
	for _, codec := range []string{"lz4", "zstd"} {
		for _, c := range shapes(work.KB9()) {
			c.codec, c.contenders, c.rounds = codec, everybody(), rounds
			cells = append(cells, c)
		}
	}
	return cells
}

func shapes(size work.Size) []cell {
	return []cell{
		{size: size, callers: callers, group: 1, partitions: partitions},
		{size: size, callers: callers, group: groupOf(size), partitions: partitions},
		{size: size, callers: callers, group: groupOf(size), partitions: partitions, pipe: true},
	}
}

// A growing is one step of something that grows.
type growing struct {
	of string
	at int
	cell
}

// growthBase is where everything that grows passes, with lz4, which leaves more
// to see of the client than zstd does.
func growthBase() cell {
	return cell{size: work.KB9(), codec: "lz4", callers: callers, group: 1, partitions: partitions,
		contenders: []string{peer.Forward, peer.Engine, peer.Franz, peer.FranzWait}, rounds: rounds}
}

// growth is the steps of everything that grows on one broker.
func growth(quick bool) []growing {
	var list []growing
	add := func(of string, at int, change func(*cell)) {
		c := growthBase()
		change(&c)
		list = append(list, growing{of, at, c})
	}
	for _, n := range []int{1, 4, 16, 64} {
		add("callers", n, func(c *cell) { c.callers = n })
	}
	for _, n := range []int32{1, 6, 12, 48} {
		add("partitions", int(n), func(c *cell) { c.partitions = n })
	}
	for _, n := range []int{1, 10, 100} {
		add("events a batch", n, func(c *cell) {
			c.size = work.Size{Name: fmt.Sprint(n, " events"), Events: n}
		})
	}
	if quick {
		return slices.DeleteFunc(list, func(g growing) bool { return g.of != "callers" || g.at > 4 })
	}
	return list
}

// growthOfBrokers is the step of a cluster with n of them.
func growthOfBrokers(n int) growing {
	return growing{"brokers", n, growthBase()}
}
