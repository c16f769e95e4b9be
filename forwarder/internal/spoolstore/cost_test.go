package spoolstore

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
)

// BenchmarkStore compares storing with a bare loop that writes and syncs as
// much at once into a file that is there already:
//
//	go test -run '^$' -bench Store -benchtime 1x ./forwarder/internal/spoolstore
//
// A third loop is a group commit and nothing else (see [commitFor]): what a store cannot do
// without. One caller's takes two changes of goroutines more than the bare loop for each sync,
// since a call returns when its context ends, though the disk still syncs. That of many callers
// also takes the time in which those who were woken copy their next records, while nothing is
// written: not to wait for them would make groups smaller, and so syncs more.
func BenchmarkStore(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			for b.Loop() {
				compare(b, callers)
			}
		})
	}
}

const (
	recordBytes = 9216
	roundTime   = 40 * time.Millisecond // short, since what else the disk does changes
	rounds      = 111
)

func compare(b *testing.B, callers int) {
	b.Helper()
	fs, err := disk.OpenDir(b.TempDir())
	require.NoError(b, err)
	var ofStore, ofBare, ofCommit pauses
	s, err := Open(pausingFS{fs, &ofStore}, Options{
		MaxBytes: 512 << 20, SegmentBytes: 64 << 20, GroupBytes: 4 << 20, ControlBytes: 8 << 20, Remembered: 100_000,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close(context.Background())) }()
	bare, err := fs.Create("bare", 64<<20)
	require.NoError(b, err)
	defer bare.Close()

	var ratios, floors, ofFloor, stored, written []float64
	var syncs []float64
	group := 1
	for round := range rounds {
		var n, m, h float64
		loops := []func(){
			func() {
				ofStore.begin()
				before := s.Stats().Syncs
				stored := storeFor(b, s, callers)
				n, group = float64(stored), max(1, stored/max(1, s.Stats().Syncs-before))
			},
			func() { ofBare.begin(); m = float64(writeFor(b, ofBare.of(bare), group)) },
			func() { ofCommit.begin(); h = float64(commitFor(b, ofCommit.of(bare), callers)) },
		}
		for i := range loops { // in each order in turn: what one leaves behind takes time of the next
			loops[(round+i*(1+round%2))%len(loops)]()
		}
		if round < len(loops) {
			continue // the size of groups is not known from the beginning
		}
		stored, written, syncs = append(stored, n), append(written, m), append(syncs, float64(group))
		ratios, floors, ofFloor = append(ratios, n/m), append(floors, h/m), append(ofFloor, n/h)
	}
	b.ReportMetric(median(ratios), "of-the-bare-loop")
	b.Logf("%d callers, groups of %.0f: %.0f stored/s, %.0f written and synced/s by a bare loop; ratio %.2f (%.2f to %.2f), to be %s at least",
		callers, median(syncs), median(stored)/roundTime.Seconds(), median(written)/roundTime.Seconds(), median(ratios),
		quantile(ratios, 0.25), quantile(ratios, 0.75), map[bool]string{true: "0.9", false: "0.85"}[callers == 1])
	b.Logf("a group commit and nothing else: %.2f (%.2f to %.2f) of the bare loop; storing: %.2f (%.2f to %.2f) of that",
		median(floors), quantile(floors, 0.25), quantile(floors, 0.75), median(ofFloor), quantile(ofFloor, 0.25), quantile(ofFloor, 0.75))
	for _, l := range []struct {
		name string
		*pauses
	}{{"store", &ofStore}, {"a group commit and nothing else", &ofCommit}, {"bare loop", &ofBare}} {
		b.Logf("%s: %.1f µs from a sync to the next write, %.0f µs to write and sync", l.name, median(l.list), median(l.busy))
	}
}

// storeFor stores records, marks them done, and returns how many there were.
func storeFor(b *testing.B, s *Store, callers int) int {
	b.Helper()
	end := time.Now().Add(roundTime)
	counts := make([]int, callers)
	var storing sync.WaitGroup
	for c := range callers {
		storing.Go(func() {
			e := &Entry{Key: []byte("7346244611012968789"), Accepted: time.UnixMilli(1), Messages: []Message{{Value: make([]byte, recordBytes)}}}
			for time.Now().Before(end) {
				t, err := s.Add(context.Background(), e)
				if err == nil {
					err = t.Wait(context.Background())
				}
				if err != nil {
					b.Error(err)
					return
				}
				s.Done([]Range{{t.First, t.First + 1}}, nil, End{})
				counts[c]++
			}
		})
	}
	storing.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

func writeFor(b *testing.B, f disk.File, group int) int {
	b.Helper()
	buf := make([]byte, group*frameSize(recordBytes))
	end := time.Now().Add(roundTime)
	n := 0
	at := int64(0)
	for time.Now().Before(end) {
		if at+int64(len(buf)) > 64<<20 {
			at = 0
		}
		_, err := f.WriteAt(buf, at)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
		at += int64(len(buf))
		n += group
	}
	return n
}

func median(list []float64) float64 { return quantile(list, 0.5) }

func quantile(list []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[int(q*float64(len(sorted)-1))]
}
