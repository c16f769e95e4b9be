// Load posts batches of 9 KB to a gateway on three brokers of Apache Kafka, all on this
// machine, kills what can be killed meanwhile, and says whether a batch that was
// confirmed is lost, there twice or out of order, and what it all costs. It needs Java 17
// and Maven. The topic takes some 6 KB of disk a batch below the system's folder for
// temporary files, on three brokers together.
//
//	go run ./examples/gateway/load -for 30m -callers 64 -rate 0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// options are what the flags say.
type options struct {
	duration   time.Duration
	callers    int
	users      int // of each caller
	most       int // batches of each caller at most; 0: no limit
	rate       float64
	faults     bool
	every      time.Duration
	partitions int
	spoolBytes int64
	dir        string // of the spool; empty: a temporary one
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "for", 30*time.Minute, "how long to post")
	flag.IntVar(&o.callers, "callers", 64, "connections, each with one post under way")
	flag.IntVar(&o.users, "users", 1000, "users of each caller")
	flag.Float64Var(&o.rate, "rate", 0, "batches a second that all callers offer together; 0: each posts as soon as it has its answer")
	flag.BoolVar(&o.faults, "faults", true, "reset connections, kill the gateway and brokers")
	flag.DurationVar(&o.every, "every", 30*time.Second, "from one fault to the next")
	flag.IntVar(&o.partitions, "partitions", 12, "of the topic")
	flag.Int64Var(&o.spoolBytes, "spool-bytes", 8<<30, "spool.max_bytes")
	flag.StringVar(&o.dir, "dir", "", "an empty folder for the gateway, on the disk to measure; default: a temporary one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, o options) error {
	kafka, err := apachekafka.Start(ctx, apachekafka.WithBrokers(3), apachekafka.WithFullJIT())
	if err != nil {
		return err
	}
	defer kafka.Close()
	return run(ctx, kafka, o, os.Stdout, os.Stderr)
}

const topic = "events"

// run has the load on a Kafka, and writes the report. The error says what is wrong with
// what was found, too.
func run(ctx context.Context, kafka *apachekafka.Cluster, o options, out, log io.Writer) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "eventferry-load-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	if there, err := os.ReadDir(o.dir); err != nil || len(there) > 0 {
		return errors.Join(err, fmt.Errorf("-dir %s: it must be an empty folder", o.dir))
	}
	if err := kafka.CreateTopic(ctx, topic, int32(o.partitions), nil); err != nil { //nolint:gosec // a number that was typed
		return err
	}
	s := kafka.Settings(topic)
	life := context.WithoutCancel(ctx) // an interrupt ends the posts only
	g, err := newGateway(ctx, o.dir, s, o.spoolBytes, log)
	if err != nil {
		return err
	}
	defer g.close(life)
	if err := g.start(life); err != nil {
		return err
	}
	work := newWorkload(o.users)
	c, err := newCallers(g, work, o.callers, o.rate)
	if err != nil {
		return err
	}
	c.most = o.most
	began := time.Now()
	f := &faults{kafka: kafka, gateway: g, callers: c, every: o.every, after: min(10*time.Second, o.every/2), say: func(format string, args ...any) {
		fmt.Fprintf(out, "%8s  %s\n", time.Since(began).Round(time.Second), fmt.Sprintf(format, args...))
	}}
	r := &report{options: o}
	brokers := &brokerTime{}
	before := brokers.look()
	if err := post(ctx, c, f, brokers, o); err != nil {
		return err
	}
	r.took = time.Since(began)
	f.say("the last batch is confirmed")
	r.brokers = brokers.look() - before
	end, cancel := context.WithTimeout(life, 10*time.Minute)
	defer cancel()
	if err := errors.Join(g.drained(end), g.end(end)); err != nil {
		return err
	}
	r.drained = time.Since(began) - r.took
	checker := newChecker(work, o.callers)
	if err := readAll(end, s, checker.see); err != nil {
		return err
	}
	r.verdict = checker.finish(c.posted, c.confirmed)
	r.fill(c, f, g)
	if _, err := io.WriteString(out, r.String()); err != nil {
		return err
	}
	if !r.verdict.good() {
		return errors.New("the promise is broken: see the report")
	}
	return r.used.complete()
}

// post has the callers post, and the faults happen, for as long as o says.
func post(ctx context.Context, c *callers, f *faults, brokers *brokerTime, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	var running sync.WaitGroup
	var failed error
	running.Go(func() { brokers.watch(ctx) })
	if o.faults {
		running.Go(func() {
			if failed = f.run(ctx); failed != nil {
				cancel()
			}
		})
	}
	// What is under way at the end may take until the last fault is over.
	last, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(5*time.Minute, give) })
	defer stop()
	err := c.run(last, ctx.Done())
	cancel()
	running.Wait()
	return errors.Join(failed, err)
}
