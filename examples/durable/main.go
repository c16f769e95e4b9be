// Durable forwards batches that survive a crash. It reads batches from standard
// input, one JSON object a line, stores each in a folder, and prints "stored" and
// the line's number once it is on the disk: from then on it will be in Kafka once,
// and in the user's order, whatever becomes of this process. Kill it, start it
// again with the same folder and the lines that it has not answered, and look.
//
//	go run ./examples/localkafka -out kafka.env     stays; in another terminal:
//	. ./kafka.env
//	go run ./examples/durable -dir /tmp/spool < examples/quickstart/sample.ndjson
//
// A line that was not answered when the process died may be stored all the same:
// giving it again may duplicate it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

const (
	grace   = 25 * time.Second // for what is under way, at the end
	maxLine = 4 << 20          // bytes
)

func main() {
	dir := flag.String("dir", "spool", "folder of the spool; it is made if there is none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, *dir, os.Stdin, os.Stdout, log); err != nil {
		log.Error("durable ended", "err", err)
		os.Exit(1)
	}
}

// run stores what comes from in until that ends, or ctx does, and drains.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer, log *slog.Logger) error {
	for _, v := range settings.Unknown(os.Environ()) {
		log.Warn("an environment variable is ignored", "variable", v)
	}
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	sp, err := spool.Open(ctx, dir, spool.Options{MaxBytes: 256 << 20, Logger: log})
	if err != nil {
		return err
	}
	defer sp.Close()
	log.Info("opened", "left by a former process", sp.Stats().Messages)
	// Without the probe it stores while Kafka is away.
	f, err := forwarder.New(ctx, s, forwarder.WithSpool(sp), forwarder.WithoutProbe(), forwarder.WithLogger(log))
	if err != nil {
		return err
	}
	defer f.Close()
	storeErr := storeLines(ctx, f, in, out)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(storeErr, f.Shutdown(end)) // what does not get away in time stays in the folder
}

// storeLines stores each line and answers it. The lines are stored in their
// order; several share a sync of the disk.
func storeLines(ctx context.Context, f *forwarder.Forwarder, in io.Reader, out io.Writer) error {
	var answering sync.Mutex
	var waiting sync.WaitGroup
	defer waiting.Wait()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; ctx.Err() == nil && lines.Scan(); n++ {
		b, err := batch.Parse(append([]byte(nil), lines.Bytes()...)) // a batch keeps its bytes
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		waiting.Add(1)
		f.StoreAsync(ctx, b, func(err error) {
			defer waiting.Done()
			answering.Lock()
			defer answering.Unlock()
			if err != nil {
				fmt.Fprintln(out, "failed", n, err)
				return
			}
			fmt.Fprintln(out, "stored", n)
		})
	}
	return lines.Err()
}
