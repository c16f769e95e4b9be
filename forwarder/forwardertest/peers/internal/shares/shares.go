// Package shares attributes the processor time of a process to kinds of work.
package shares

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/google/pprof/profile"
)

// The kinds of work that [Of] distinguishes.
const (
	Codec     = "codec"                     // compressing, with the checksums that are a codec's own
	TLS       = "TLS"                       // everything in crypto
	Copy      = "copy"                      // moving and clearing memory
	System    = "system calls"              // reading and writing, with what leads there in net
	Memory    = "GC and allocation"         // with write barriers, sweeping and giving memory back
	Scheduler = "scheduler, channels, maps" // with locks, timers and the network poller
	Own       = "our own code"              // with its calls that have no kind, such as JSON
	Sarama    = "Sarama"                    // with its calls that have no kind, such as CRC
	Other     = "other"                     // the benchmark, and whatever has no kind
)

// Kinds has all kinds, in the order in which a table lists them.
func Kinds() []string {
	return []string{Codec, TLS, System, Sarama, Own, Copy, Memory, Scheduler, Other}
}

// Of reads a CPU profile, and returns which share of the time went to which
// kind of work. All of [Kinds] are there; the shares sum to 1.
//
// The whole time of a sample goes to one kind. If runtime.gcBgMarkWorker,
// bgsweep, bgscavenge or runFinalizers is on its stack, that is [Memory].
// Otherwise it is the kind of the first function that has one, from the leaf
// up; inlined functions count as functions. These have one, by package:
//
//   - Codec: github.com/klauspost/compress, github.com/pierrec/lz4,
//     github.com/golang/snappy and compress/...
//   - TLS: crypto and golang.org/x/crypto
//   - System: syscall, net and internal/poll
//   - Own: github.com/eventferry, but its benchmark is Other
//   - Sarama: github.com/IBM/sarama, github.com/eapache and
//     github.com/rcrowley/go-metrics
//   - Memory: internal/runtime/gc, and functions of runtime that allocate,
//     mark, sweep or give back
//   - Scheduler: internal/runtime/maps, internal/sync, locks and Map of sync, timers of time, and
//     functions of runtime for goroutines, threads (futex and usleep too),
//     channels, locks, timers, maps and the network poller
//
// All others have none: so encoding/json is the time of its caller.
//
// Two sorts of functions depend on the next function up that has a kind.
// Moving or clearing memory (runtime.memmove, memclrNoHeapPointers, duffcopy
// and duffzero) is Codec or TLS below these, clearing is Memory below that, and
// all else is Copy. A bare system call (internal/runtime/syscall) is Scheduler
// or Memory below these, as the network poller has its own, and else System.
func Of(r io.Reader) (map[string]float64, error) {
	p, err := profile.Parse(r)
	if err != nil {
		return nil, err
	}
	value := -1
	for i, t := range p.SampleType {
		if t.Type == "cpu" && t.Unit == "nanoseconds" {
			value = i
		}
	}
	if value < 0 {
		return nil, errors.New("not a CPU profile")
	}

	var total int64
	nanos := make(map[string]int64)
	for _, sample := range p.Sample {
		n := sample.Value[value]
		if n < 0 {
			return nil, fmt.Errorf("a sample of %d ns", n)
		}
		total += n
		nanos[kind(stack(sample))] += n
	}
	if total == 0 {
		return nil, errors.New("the profile is empty")
	}
	shares := make(map[string]float64)
	for _, kind := range Kinds() {
		shares[kind] = float64(nanos[kind]) / float64(total)
	}
	return shares, nil
}

// stack returns the names of the functions of a sample, leaf first.
func stack(sample *profile.Sample) (names []string) {
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

// collects is for functions that run on goroutines of their own, so that all
// below is their work.
func collects(name string) bool {
	switch name {
	case "runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge", "runtime.runFinalizers":
		return true
	}
	return false
}

// moves reports whether a function moves or clears memory for its caller.
func moves(name string) (moves, clears bool) {
	switch name {
	case "runtime.memmove", "runtime.duffcopy":
		return true, false
	case "runtime.memclrNoHeapPointers", "runtime.duffzero":
		return true, true
	}
	return false, false
}

// kind returns the kind of a sample.
func kind(stack []string) string {
	for _, name := range stack {
		if collects(name) {
			return Memory
		}
	}
	for i, name := range stack {
		if moves, clears := moves(name); moves {
			switch above := first(stack[i+1:]); {
			case above == Codec, above == TLS, above == Memory && clears:
				return above
			}
			return Copy
		}
		if strings.HasPrefix(name, "internal/runtime/syscall") {
			switch above := first(stack[i+1:]); above {
			case Scheduler, Memory:
				return above
			}
			return System
		}
		if k := verdict(name); k != "" {
			return k
		}
	}
	return Other
}

// first returns the kind of the first function that has one.
func first(stack []string) string {
	for _, name := range stack {
		if k := verdict(name); k != "" {
			return k
		}
	}
	return ""
}

// packages has them by the beginning of the names of their functions. The first that
// fits counts.
func packages() []struct{ prefix, kind string } {
	return []struct{ prefix, kind string }{
		{"github.com/klauspost/compress", Codec},
		{"github.com/pierrec/lz4", Codec},
		{"github.com/golang/snappy", Codec},
		{"compress/", Codec},
		{"crypto/", TLS},
		{"golang.org/x/crypto/", TLS},
		{"vendor/golang.org/x/crypto/", TLS},
		{"syscall.", System},
		{"net.", System},
		{"internal/poll.", System},
		{"github.com/eventferry/eventferry/forwarder/forwardertest", Other},
		{"github.com/eventferry/", Own},
		{"github.com/IBM/sarama", Sarama},
		{"github.com/eapache/", Sarama},
		{"github.com/rcrowley/go-metrics", Sarama},
		{"internal/runtime/gc", Memory},
		{"internal/runtime/maps", Scheduler},
		{"internal/sync.", Scheduler},
		{"sync.(*Mutex)", Scheduler},
		{"sync.(*RWMutex)", Scheduler},
		{"sync.(*Cond)", Scheduler},
		{"sync.(*WaitGroup)", Scheduler},
		{"sync.(*Map)", Scheduler},
		{"sync.runtime_", Scheduler},
		{"time.newTimer", Scheduler},
		{"time.resetTimer", Scheduler},
		{"time.stopTimer", Scheduler},
	}
}

// The functions of runtime that have a kind, by the beginning of their names.
// Its names are not documented, so these go by their effects, and a function that
// fits neither is the time of its caller.
var (
	memory = regexp.MustCompile(`^runtime\.(` +
		`malloc|newobject|newarray|makeslice|growslice|nextFreeFast|rawbyteslice|rawstring|rawruneslice|` +
		`gc[A-Z]|\(\*(gc|mheap|mcache|mcentral|mspan|sweep|activeSweep|page|palloc|fixalloc|workbuf|lfstack|scav|` +
		`consistentHeapStats|typePointers|span|stackScan|sizeClass|limiterEvent|persistentAlloc|atomicMSpanPointer|wbBuf)|` +
		`getempty|putempty|putfull|trygetfull|handoff$|` +
		`scan|grey|mark|sweep|bgsweep|bgscavenge|scaveng|findObject|spanOf|tryDefer|heapBits|heapSetType|getMCache|` +
		`bulkBarrier|wb[A-Z]|typePointers|\(\*mSpanList|\(\*addrRange|suspendG|shade|finishsweep_m|typeBits|deduct|publicationBarrier|mProf_Malloc|profilealloc|persistentalloc|` +
		`sys(Alloc|Free|Map|Reserve|Unused|Used|Huge|NoHuge|Fault)|madvise|mmap|munmap|stack(alloc|free|cache|pool))`)
	scheduler = regexp.MustCompile(`^runtime\.(` +
		`schedule|find[rR]unnable|stealWork|check(Timers|Runq|Idle)|runq|globrunq|` +
		`\(\*(gQueue|gList|timer|poll|hchan|waitq|mutex|rwmutex|sema|lockTimer|mLockProfile|pMask|randomOrder|randomEnum)|` +
		`park|gopark|goparkunlock|goready|ready|execute|gogo|gosched|Gosched|goyield|preempt|retake|sysmon|` +
		`wakep|startm|stopm|gcstopm|newm|mPark|mstart|mcall|handoffp|acquirep|releasep|wirep|pidle|mget|mput|injectglist|` +
		`resetspinning|casgstatus|casG|dropg|newproc|gfget|gfput|goexit[0-9]|gdestroy|acquireSudog|releaseSudog|` +
		`note|futex|usleep|osyield|procyield|lock|unlock|sem|sync_|internal_sync|netpoll|poll_|` +
		`chan|makechan|makemap|closechan|send|recv|select|sellock|selunlock|selectnb|block|` +
		`time[A-Z]|timer|newTimer|stopTimer|resetTimer|resetForSleep|goroutineReady|nanosleep|map|` +
		`tgkill|signalM|epoll)`)
)

// verdict returns the kind of a function on its own, or "" if it has none.
func verdict(name string) string {
	if strings.HasPrefix(name, "runtime.") {
		switch {
		case memory.MatchString(name):
			return Memory
		case scheduler.MatchString(name):
			return Scheduler
		}
		return ""
	}
	for _, p := range packages() {
		if strings.HasPrefix(name, p.prefix) {
			return p.kind
		}
	}
	return ""
}
