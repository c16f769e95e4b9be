package contender

import (
	"runtime/metrics"
	"time"
)

// maxAgeing is how long the load goes on, at most, until the garbage collector has run.
const maxAgeing = 3 * time.Second

// warmUp lets the load run for so long, and on until the garbage collector has run once,
// unless that would take longer than maxAgeing.
//
// Until then most of what is allocated is memory that the process never had: the kernel
// makes each page of it, which costs more than what is done with it. A process that has
// run for a minute does not pay that any more.
func (l *load) warmUp(millis int) {
	began, before := time.Now(), readHeap()
	l.sleep(millis)
	for now := readHeap(); now.collections == before.collections; now = readHeap() {
		ran := time.Since(began)
		rate := float64(now.allocated-before.allocated) / float64(ran)
		if ran >= maxAgeing || l.failed() != nil || float64(now.goal-min(now.objects, now.goal)) > rate*float64(maxAgeing-ran) {
			return
		}
		l.sleep(pollMillis)
	}
}

// A heap is what the runtime says of itself.
type heap struct {
	collections uint64 // that have ended
	allocated   uint64 // bytes, ever
	objects     uint64 // bytes, with garbage
	goal        uint64 // bytes of objects that start a collection
}

func readHeap() heap {
	samples := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"},
	}
	metrics.Read(samples)
	return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()}
}
