package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// The variables of a process that is to be killed; the settings are in those of
// package settings.
const (
	childDir       = "EVENTFERRY_TEST_KILLED_DIR"
	childFirst     = "EVENTFERRY_TEST_KILLED_FIRST"     // number of each user's next batch
	childWindow    = "EVENTFERRY_TEST_KILLED_WINDOW"    // length of its windows; empty: none
	childRouted    = "EVENTFERRY_TEST_KILLED_ROUTED"    // it has routes to two topics
	childForgetful = "EVENTFERRY_TEST_KILLED_FORGETFUL" // it believes that nothing was sent
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // this is main
		}
		return
	}
	os.Exit(m.Run()) //nolint:forbidigo // what TestMain is for
}

// A child is the process that is killed. It prints each batch of which it knows
// that it is stored. When its standard input ends, it drains and ends.
type child struct {
	f     *forwarder.Forwarder
	first int
	stop  <-chan struct{} // closed when nothing more is to be stored

	answers  sync.WaitGroup // of StoreAsync
	printing sync.Mutex
	failed   error
}

func runChild(dir string) error {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	sp, err := spool.Open(context.Background(), dir, spool.Options{
		MaxBytes: 4 << 20, SegmentBytes: 512 << 10, Logger: log, OnDoubt: spool.Hold,
	})
	if err != nil {
		return err
	}
	defer sp.Close()
	routed := os.Getenv(childRouted) != ""
	if err := reportOpen(sp, routed, os.Getenv(childForgetful) != ""); err != nil {
		return err
	}
	opts := []forwarder.Option{forwarder.WithSpool(sp), forwarder.WithoutProbe(), forwarder.WithLogger(log)}
	if text := os.Getenv(childWindow); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		opts = append(opts, forwarder.WithWindow(d))
	}
	var f *forwarder.Forwarder
	if routed {
		s.TopicName = ""
		f, err = forwarder.NewRoutes(context.Background(), s, routes(), opts...)
	} else {
		f, err = forwarder.New(context.Background(), s, opts...)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	c := &child{f: f, first: first, stop: stop}
	c.work()
	end, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := errors.Join(c.failed, f.Shutdown(end)); err != nil {
		return err
	}
	return reportRefused(sp)
}

// reportOpen prints of how many record batches it is not known whether they were
// written. A forgetful process takes none for written.
func reportOpen(sp *spool.Spool, routed, forgetful bool) error {
	claim := spoolstore.Claim{Topics: []string{"events"}}
	if routed {
		claim.Topics = []string{"commerce", "events"}
	}
	claimed, err := sp.Attach(claim)
	if err != nil {
		return err
	}
	defer sp.Detach(claim)
	open := claimed.Store.OpenIntents()
	if forgetful {
		for _, i := range open {
			claimed.Store.End(i.Partition, spoolstore.End{Outcome: spoolstore.NotWritten, Offset: -1})
		}
	}
	_, err = fmt.Fprintf(os.Stdout, "open %d %d\n", len(open), sp.Stats().Messages)
	return err
}

// reportRefused prints each event that was refused.
func reportRefused(sp *spool.Spool) error {
	for m, err := range sp.Refused() {
		if err != nil {
			return err
		}
		var b struct{ Events []json.RawMessage }
		if err := json.Unmarshal(m.Value, &b); err != nil {
			return err
		}
		for _, text := range b.Events {
			e, err := parseEvent(text)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(os.Stdout, "refused %d %d %d\n", e.user, e.number, e.index); err != nil {
				return err
			}
		}
	}
	return nil
}

// report prints that a batch is stored, unless err says that it is not.
func (c *child) report(id batchID, err error) {
	c.printing.Lock()
	defer c.printing.Unlock()
	if err != nil && !forwarder.Kept(err) {
		c.failed = errors.Join(c.failed, fmt.Errorf("storing %+v: %w", id, err))
		return
	}
	if _, err := fmt.Fprintf(os.Stdout, "stored %d %d\n", id.user, id.number); err != nil {
		c.failed = err
	}
}

// work stores batches in all ways there are, each for users of its own.
func (c *child) work() {
	ways := []func(batchID, *batch.Batch){c.store, nil, c.storeAsync, c.forward, c.store}
	var working sync.WaitGroup
	for w, way := range ways {
		working.Go(func() {
			r := rand.New(rand.NewPCG(uint64(c.first), uint64(w))) //nolint:gosec // not negative, and no secret
			for n := c.first; ; {
				select {
				case <-c.stop:
					return
				case <-time.After(time.Duration(r.IntN(5)) * time.Millisecond):
				}
				var ids []batchID
				for range 1 + r.IntN(10) {
					ids = append(ids, batchID{r.IntN(users/len(ways))*len(ways) + w, n})
					n++
				}
				c.give(ids, way)
			}
		})
	}
	working.Wait()
	c.answers.Wait()
}

// give stores batches one after the other, or at once if there is no way for one.
func (c *child) give(ids []batchID, way func(batchID, *batch.Batch)) {
	var bulk []*batch.Batch
	for _, id := range ids {
		b, err := id.batch()
		if err != nil {
			c.report(id, err)
			return
		}
		if way != nil {
			way(id, b)
			continue
		}
		bulk = append(bulk, b)
	}
	if way != nil {
		return
	}
	errs := c.f.StoreAll(context.Background(), bulk)
	for i, id := range ids {
		if errs == nil {
			c.report(id, nil)
		} else {
			c.report(id, errs[i])
		}
	}
}

func (c *child) store(id batchID, b *batch.Batch) { c.report(id, c.f.Store(context.Background(), b)) }

func (c *child) storeAsync(id batchID, b *batch.Batch) {
	c.answers.Add(1)
	c.f.StoreAsync(context.Background(), b, func(err error) {
		defer c.answers.Done()
		c.report(id, err)
	})
}

// forward waits a little for Kafka. What is then Unknown or was not stored for lack
// of room is not reported.
func (c *child) forward(id batchID, b *batch.Batch) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.f.Forward(ctx, b); err == nil || forwarder.Kept(err) {
		c.report(id, nil)
	}
}
