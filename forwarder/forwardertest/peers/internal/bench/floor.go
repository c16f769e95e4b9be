package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/floor"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// FloorCommand is the argument with which this program measures one floor.
const FloorCommand = "floor"

// A FloorJob is what it is given on its standard input.
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

// floors measures every floor once.
func (r *run) floors(ctx context.Context, round int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sink, err := floor.Sink(ctx)
	if err != nil {
		return err
	}
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
				j := FloorJob{p.path, codec, sink, kib << 10, millis(r.Measure) / 2}
				cpu, err := floorProcess(ctx, j)
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

func floorProcess(ctx context.Context, j FloorJob) (cpu float64, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	cmd := onCore(ctx, clientCore, program, FloorCommand)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	err = json.NewEncoder(in).Encode(j)
	_ = in.Close()
	if err == nil {
		_, err = fmt.Fscan(bufio.NewReader(out), &cpu)
	}
	if werr := cmd.Wait(); err == nil {
		err = werr
	}
	if err != nil {
		return 0, fmt.Errorf("bench: floor: %w", err)
	}
	return cpu, nil
}
