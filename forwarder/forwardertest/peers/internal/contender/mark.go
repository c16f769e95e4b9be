//go:build linux

package contender

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// A mark holds the counts of one moment: processor time, messages, memory.
type mark struct {
	at     time.Time
	cpu    time.Duration
	sent   int64
	memory runtime.MemStats
}

func (l *load) mark() mark {
	m := mark{at: time.Now(), sent: l.sent.Load()}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	m.cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	runtime.ReadMemStats(&m.memory)
	return m
}

func (l *load) report(before, after mark) (peer.Report, error) {
	n := after.sent - before.sent
	times := l.sorted()
	if n == 0 || len(times) == 0 {
		return peer.Report{}, errors.New("contender: nothing was acknowledged in the measured time")
	}
	peak, err := peakKiB()
	if err != nil {
		return peer.Report{}, err
	}
	each := float64(n)
	at := func(part float64) float64 { return micros(times[max(0, int(math.Ceil(part*float64(len(times))))-1)]) }
	return peer.Report{
		Sent: l.sent.Load(), Messages: n,
		Seconds:     after.at.Sub(before.at).Seconds(),
		CPUMicros:   micros(after.cpu-before.cpu) / each,
		Allocations: float64(after.memory.Mallocs-before.memory.Mallocs) / each,
		AllocBytes:  float64(after.memory.TotalAlloc-before.memory.TotalAlloc) / each,
		PeakKiB:     peak,
		P50Micros:   at(0.5), P99Micros: at(0.99), P999Micros: at(0.999),
	}, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// forgetPeak has the kernel forget how much memory was used before the load.
func forgetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // else the peak is the whole process's
}

// peakKiB is the most memory that the process had under the load. Its ballast
// is not in it, since that is never touched. The garbage between two collections
// is, and the ballast makes that more.
func peakKiB() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("contender: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, errors.New("contender: no VmHWM")
}
