package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// readings counts how often archives were read in this process: each Run has a higher
// number than those before it, whatever spool they use.
var readings atomic.Int64 //nolint:gochecknoglobals // see above

// Run stores the batches of an archive in the spool of f, from where the last Run
// ended. It returns when all are stored, or ctx ends, or something fails: it waits only
// for one call to the file system, and for what is being stored. The result is right
// also with an error. Stored batches are on their way to Kafka:
// [forwarder.Forwarder.Shutdown] waits until they are there. Others may use f meanwhile.
//
// Errors other than that of ctx are about the options, the archive, the file
// [Options].Bad, or f: [forwarder.ErrNoSpool], [forwarder.ErrClosed],
// [spool.ErrTooManyFiles], and those of the disk. After any of them Run may be called
// again, and goes on where it was.
func Run(ctx context.Context, f *forwarder.Forwarder, o Options) (Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Result{}, err
	}
	if f.Spool() == nil {
		return Result{}, fmt.Errorf("replay: %w", forwarder.ErrNoSpool)
	}
	r := &replay{options: o, storeAll: f.StoreAll, position: f.Spool().Position, reading: readings.Add(1)}
	return r.run(ctx)
}

type replay struct {
	options  Options
	storeAll func(context.Context, []*batch.Batch, ...spool.Tag) []error
	position func(file string) (int64, bool)
	reading  int64
	archive  *archive
	bad      *badFile

	done   progress
	files  atomic.Int64
	stored atomic.Int64
}

func (r *replay) run(ctx context.Context) (result Result, err error) {
	if r.archive, err = listFiles(ctx, r.options.Files); err != nil {
		return Result{}, fmt.Errorf("replay: listing the files: %w", err)
	}
	if r.bad, err = openBad(r.options.Bad); err != nil {
		return Result{}, fmt.Errorf("replay: the file of what is no batch: %w", err)
	}
	stopShowing := r.showProgress()
	chunks, stop := make(chan chunk, readAhead), make(chan struct{})
	read := make(chan error, 1)
	go func() {
		defer close(chunks)
		read <- (&reader{replay: r, out: chunks, stop: stop}).readAll()
	}()
	err = r.storeChunks(ctx, chunks)
	close(stop)
	err = errors.Join(err, <-read)
	if bad := r.bad.close(); bad != nil {
		err = errors.Join(err, fmt.Errorf("replay: the file of what is no batch: %w", bad))
	}
	stopShowing()
	return Result{Files: int(r.files.Load()), Stored: int(r.stored.Load()), Bad: r.bad.count()}, err
}

// readAhead is how many chunks wait to be stored, so that the disk need not wait for a
// file, nor for a processor that has other work.
const readAhead = 2

// A chunk is batches that are stored together.
type chunk struct {
	batches []*batch.Batch
	tags    []spool.Tag
	pieces  []piece // where the batches were in their files
	ends    int     // how many files end with it
}

func (r *replay) storeChunks(ctx context.Context, chunks <-chan chunk) error {
	pace := pace{rate: r.options.Rate}
	for {
		var c chunk
		var more bool
		select {
		case c, more = <-chunks:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !more {
			return nil
		}
		if err := pace.wait(ctx, len(c.batches)); err != nil {
			return err
		}
		if err := r.storeChunk(ctx, c); err != nil {
			return err
		}
		r.files.Add(int64(c.ends))
	}
}

func (r *replay) storeChunk(ctx context.Context, c chunk) error {
	if len(c.batches) == 0 {
		return nil
	}
	errs := r.storeAll(ctx, c.batches, c.tags...)
	var failed error
	for i, err := range errs {
		switch {
		case err == nil:
		case refused(err) && ctx.Err() == nil:
			p := c.pieces[i]
			p.reason, p.text = err, p.batch.AppendJSON(nil)
			p.text = p.text[:min(len(p.text), keptBytes)]
			if err := r.bad.add(p); err != nil {
				return fmt.Errorf("replay: the file of what is no batch: %w", err)
			}
		default:
			errs[i] = settled(err)
			if failed == nil && errs[i] != nil {
				failed = fmt.Errorf("replay: storing a batch of %s: %w", c.pieces[i].file, errs[i])
			}
		}
	}
	for i := range c.batches {
		if errs == nil || errs[i] == nil {
			r.stored.Add(1)
		}
	}
	if err := r.bad.sync(); err != nil {
		return fmt.Errorf("replay: the file of what is no batch: %w", err)
	}
	return failed
}

// refused reports whether an error is about one batch only, so that the replay goes on
// behind it.
func refused(err error) bool {
	return errors.As(err, new(*forwarder.FilterError)) || errors.As(err, new(*forwarder.HeaderError)) ||
		errors.As(err, new(*forwarder.TooLargeError)) || forwarder.Permanent(err)
}

// settled waits until it is known whether a batch is stored, so that the next Run goes
// on at the right place. It returns nil if the batch is stored, and otherwise err.
func settled(err error) error {
	if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
		if d.Wait(context.Background()) == nil {
			return nil
		}
	}
	return err
}

// historical sets source_info.is_historical.
func historical(b *batch.Batch) error {
	if !b.At("source_info").Exists() {
		return b.At("source_info").Set(json.RawMessage(`{"is_historical":true}`))
	}
	return b.At("source_info", "is_historical").Set(true)
}

// A pace keeps to a number of batches a second.
type pace struct {
	rate float64
	next time.Time
}

// wait returns when n more batches may be stored.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.rate == 0 || n == 0 {
		return nil
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	pause := time.NewTimer(p.next.Sub(now))
	defer pause.Stop()
	p.next = p.next.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
