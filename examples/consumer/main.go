// Consumer moves batches from another source, here a file that stands for a
// queue, in order: it pipelines with ForwardAsync and commits only what Kafka
// has acknowledged, so that a crash repeats batches but loses none.
//
//	go run ./examples/consumer batches.ndjson
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	for _, v := range settings.Unknown(os.Environ()) {
		fmt.Fprintln(os.Stderr, "consumer:", v)
	}
	if err := run(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, lookup func(string) (string, bool), out io.Writer) error {
	if len(args) != 1 {
		return errors.New("name one file of batches")
	}
	var s settings.Settings
	if err := s.SetFromEnv(lookup); err != nil {
		return err
	}
	f, err := forwarder.New(ctx, s)
	if err != nil {
		return err
	}
	defer f.Close()
	source, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer source.Close()
	err = move(ctx, f, source, func(position int) { fmt.Fprintln(out, "committed up to batch", position) })
	return errors.Join(err, f.Shutdown(ctx))
}

// move forwards the batches of r in order and commits positions as they are
// acknowledged. It stops at the first that fails, since going on would leave a
// hole behind it; one that can never be sent is set aside instead. A filter of yours
// marks its errors by batch.MarkPermanent where the batch is why, so that it does not
// stop at the same one after each start.
func move(ctx context.Context, f *forwarder.Forwarder, r io.Reader, commit func(position int)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var p progress
	var calls sync.WaitGroup
	var bad error // of the source: what came before it is still delivered
	next := 0
	for b, err := range batch.Read(r, 4<<20) {
		if err != nil || ctx.Err() != nil {
			bad = err
			break
		}
		position := next
		next++
		calls.Add(1)
		f.ForwardAsync(ctx, b, func(err error) { // blocks while the buffer is full: back-pressure for the source
			defer calls.Done()
			switch {
			case err == nil:
				p.done(position, commit)
			case forwarder.Permanent(err) && forwarder.NothingSent(err):
				fmt.Fprintf(os.Stderr, "batch %d set aside: %v\n", position+1, err)
				p.done(position, commit)
			default:
				stop(fmt.Errorf("batch %d: %w", position+1, err)) // the rest is withdrawn or unknown
			}
		})
	}
	calls.Wait()
	return cmp.Or(context.Cause(ctx), bad)
}

// progress turns outcomes that arrive in any order into a position up to which
// everything is done.
type progress struct {
	mu        sync.Mutex
	committed int
	ahead     map[int]bool
}

func (p *progress) done(position int, commit func(int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead == nil {
		p.ahead = map[int]bool{}
	}
	p.ahead[position] = true
	before := p.committed
	for p.ahead[p.committed] {
		delete(p.ahead, p.committed)
		p.committed++
	}
	if p.committed > before {
		commit(p.committed)
	}
}
