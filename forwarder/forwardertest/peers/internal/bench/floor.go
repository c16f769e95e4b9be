package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/floor"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// FloorCommand is the argument with which this program measures one floor.
const FloorCommand = "floor"

// A FloorJob is the standard input of that command.
type FloorJob struct {
	Pool, Codec, Sink string
	Batch             int
	Millis            int
}

// DoFloor does a job in this process and returns microseconds for a message.
func DoFloor(ctx context.Context, j FloorJob) (float64, error) {
	items, err := work.Load(j.Pool)
	if err != nil {
		return 0, err
	}
	return floor.Measure(ctx, work.Values(items), j.Codec, j.Batch, j.Sink, time.Duration(j.Millis)*time.Millisecond)
}

// floor measures one for the messages of p, so many bytes in a batch.
func (r *run) floor(ctx context.Context, p *pool, codec string, batch int) (cpuMicros float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sink, err := floor.Sink(ctx)
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	return cpuMicros, child(ctx, FloorCommand, FloorJob{p.path, codec, sink, batch, millis(r.Measure) / 2}, &cpuMicros)
}

// floorBelow measures the floor that m, of the work that c is, stands on.
func (r *run) floorBelow(ctx context.Context, c cell, m *results.Measurement) error {
	p, err := r.pools.of(ctx, c)
	if err != nil {
		return err
	}
	m.FloorMicros, err = r.floor(ctx, p, c.codec, int(m.BatchBytes))
	return err
}

// floors measures every floor once.
func (r *run) floors(ctx context.Context, round int) error {
	sizes, codecs := work.Sizes(), []string{"none", "lz4", "zstd"}
	if r.Quick {
		sizes, codecs = []work.Size{work.KB9()}, []string{"zstd"}
	}
	for _, size := range sizes {
		p, err := r.pools.of(ctx, cell{size: size, callers: callers, group: groupOf(size)})
		if err != nil {
			return err
		}
		for _, codec := range codecs {
			for _, kib := range []int{64, 256, 512} {
				cpu, err := r.floor(ctx, p, codec, kib<<10)
				if err != nil {
					return err
				}
				r.addFloor(results.Floor{Size: size.Name, Codec: codec, BatchKiB: kib}, cpu)
			}
		}
		r.bar.say(r.Out, "floor of %s, round %d", size.Name, round+1)
	}
	return nil
}

func (r *run) addFloor(f results.Floor, cpu float64) {
	for i := range r.results.Floor {
		if have := &r.results.Floor[i]; have.Size == f.Size && have.Codec == f.Codec && have.BatchKiB == f.BatchKiB {
			have.CPUMicros = append(have.CPUMicros, cpu)
			return
		}
	}
	f.CPUMicros = []float64{cpu}
	r.results.Floor = append(r.results.Floor, f)
}
