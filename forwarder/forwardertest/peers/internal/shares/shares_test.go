package shares

import (
	"bytes"
	"crypto/sha256"
	"math"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/klauspost/compress/zstd"
)

const (
	sarama = "github.com/IBM/sarama.(*recordBatch).encode"
	own    = "github.com/eventferry/eventferry/forwarder.(*Forwarder).Forward"
	bench  = "github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/contender.run"
)

// Stacks, leaf first, and their kinds.
var stacks = []struct {
	kind  string
	stack []string
}{
	{Codec, []string{"github.com/klauspost/compress/zstd.(*fastEncoder).EncodeNoHist", sarama}},
	{Codec, []string{"github.com/pierrec/lz4/v4/internal/xxh32.update", sarama}},
	{Codec, []string{"runtime.memmove", "github.com/golang/snappy.Encode", sarama}},
	{Codec, []string{"runtime.memmove", "bytes.(*Buffer).Write", "github.com/pierrec/lz4/v4.(*Writer).write", sarama}},
	{TLS, []string{"crypto/internal/fips140/aes/gcm.gcmAesEnc", "crypto/tls.(*Conn).Write", sarama}},
	{TLS, []string{"runtime.memmove", "crypto/tls.(*halfConn).encrypt", sarama}},
	{Copy, []string{"runtime.memmove", sarama}},
	{Copy, []string{"runtime.memmove", "runtime.growslice", own}},
	{Copy, []string{"runtime.memmove", "runtime.sendDirect", "runtime.chansend", own}},
	{Copy, []string{"runtime.memclrNoHeapPointers", own}},
	{Copy, []string{"runtime.memmove"}},
	{System, []string{"internal/runtime/syscall/linux.Syscall6", "syscall.RawSyscall6", "syscall.write", "crypto/tls.(*Conn).Write"}},
	{System, []string{"runtime.reentersyscall", "runtime.entersyscall", "syscall.Syscall"}},
	{System, []string{"internal/poll.(*FD).Write", "net.(*conn).Write", "crypto/tls.(*Conn).Write"}},
	{System, []string{"internal/runtime/syscall.Syscall6"}},
	{Memory, []string{"runtime.memclrNoHeapPointers", "runtime.mallocgc", "runtime.makeslice", "github.com/klauspost/compress/zstd.encode"}},
	{Memory, []string{"runtime.mallocgcSmallNoscan", "runtime.mallocgc", own}},
	{Memory, []string{"runtime.futex", "runtime.gcDrain", "runtime.systemstack", "runtime.gcBgMarkWorker"}},
	{Memory, []string{"runtime.(*mspan).init", own}},
	{Memory, []string{"runtime.scanobject", "runtime.gcAssistAlloc1", own}},
	{Memory, []string{"runtime.madvise", "runtime.sysUnused"}},
	{Memory, []string{"runtime.gcWriteBarrier2", own}},
	{Scheduler, []string{"runtime.futex", "runtime.futexsleep", "runtime.findRunnable", "runtime.schedule", "runtime.mcall"}},
	{Scheduler, []string{"runtime.nanotime1", "runtime.nanotime", "runtime.schedule", "runtime.mcall"}},
	{Scheduler, []string{"internal/runtime/syscall/linux.EpollWait", "runtime.netpoll", "runtime.findRunnable"}},
	{Scheduler, []string{"runtime.lock2", "runtime.selectgo", sarama}},
	{Scheduler, []string{"runtime.chanrecv", sarama}},
	{Scheduler, []string{"aeshashbody", "runtime.strhash", "runtime.mapaccess2_faststr", own}},
	{Scheduler, []string{"internal/runtime/maps.(*Map).getWithKey", own}},
	{Scheduler, []string{"runtime.gcstopm", "runtime.schedule"}},
	{Scheduler, []string{"internal/sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock", own}},
	{Own, []string{"encoding/json.checkValid", own, bench}},
	{Own, []string{"runtime.memequal", own, bench}},
	{Own, []string{"runtime.newstack", "runtime.morestack", own}},
	{Sarama, []string{"hash/crc32.ieeeCLMUL", sarama, own}},
	{Sarama, []string{"github.com/rcrowley/go-metrics.(*StandardMeter).Mark", own}},
	{Other, []string{"time.Now", bench, own}},
	{Other, []string{"main.main", "runtime.main"}},
	{Other, nil},
}

func TestKind(t *testing.T) {
	for _, s := range stacks {
		if got := kind(s.stack); got != s.kind {
			t.Errorf("%s is %q, not %q", strings.Join(s.stack, " < "), got, s.kind)
		}
	}
}

// handMade returns a profile with a sample for each of stacks, of 1, 2, 3 ns
// and so on. The first two functions of a stack are in one location, as if one
// were inlined.
func handMade(unit string) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: unit}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: unit},
		Period:     1,
	}
	for i, s := range stacks {
		sample := &profile.Sample{Value: []int64{1, int64(i + 1)}}
		for j, name := range s.stack {
			f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
			p.Function = append(p.Function, f)
			if j != 1 {
				l := &profile.Location{ID: uint64(len(p.Location) + 1)}
				p.Location = append(p.Location, l)
				sample.Location = append(sample.Location, l)
			}
			l := sample.Location[len(sample.Location)-1]
			l.Line = append(l.Line, profile.Line{Function: f})
		}
		p.Sample = append(p.Sample, sample)
	}
	return p
}

func TestOfHandMade(t *testing.T) {
	var file bytes.Buffer
	if err := handMade("nanoseconds").Write(&file); err != nil {
		t.Fatal(err)
	}
	got := of(t, &file)
	want := make(map[string]float64)
	all := float64(len(stacks)*(len(stacks)+1)) / 2
	for i, s := range stacks {
		want[s.kind] += float64(i+1) / all
	}
	for kind, share := range want {
		if math.Abs(got[kind]-share) > 1e-9 {
			t.Errorf("%s has %v, not %v", kind, got[kind], share)
		}
	}
}

func TestOfErrors(t *testing.T) {
	if _, err := Of(strings.NewReader("no profile")); err == nil {
		t.Error("no error for bytes that are no profile")
	}
	empty := handMade("nanoseconds")
	empty.Sample = nil
	for name, p := range map[string]*profile.Profile{"empty": empty, "unit": handMade("bytes")} {
		var file bytes.Buffer
		if err := p.Write(&file); err != nil {
			t.Fatal(err)
		}
		if shares, err := Of(&file); err == nil {
			t.Errorf("%s: %v and no error", name, shares)
		}
	}
}

func TestOfReal(t *testing.T) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	var text, packed []byte
	for i := range 4000 {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		text = append(append(text, "some text that is compressed, "...), sum[:8]...)
	}
	var file bytes.Buffer
	if err := pprof.StartCPUProfile(&file); err != nil {
		t.Skipf("1 test skipped: it makes a profile, and is being profiled itself: %v", err)
	}
	for began := time.Now(); time.Since(began) < time.Second; {
		packed = w.EncodeAll(text, packed[:0])
		sha256.Sum256(text)
	}
	pprof.StopCPUProfile()

	got := of(t, &file)
	t.Log(got)
	if got[Codec] < 0.1 || got[TLS] < 0.1 || got[Codec]+got[TLS] < 0.8 {
		t.Errorf("%v", got)
	}
}

// of is Of, and checks what holds for all profiles.
func of(t *testing.T, file *bytes.Buffer) map[string]float64 {
	t.Helper()
	shares, err := Of(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, kind := range Kinds() {
		share, ok := shares[kind]
		if !ok {
			t.Errorf("no %q", kind)
		}
		sum += share
	}
	if len(shares) != len(Kinds()) || math.Abs(sum-1) > 1e-9 {
		t.Errorf("the shares sum to %v: %v", sum, shares)
	}
	return shares
}
