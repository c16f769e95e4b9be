// Replay brings an archive of batches into Kafka, each once, in the order of the
// files: kill it and start it again, and it goes on where it was. The archive is a
// folder with any folders in it, of files that hold batches one a line or one after
// the other, plain, gzip or zstd.
//
//	go run ./examples/localkafka -out kafka.env     stays; in another terminal:
//	. ./kafka.env
//	go run ./examples/replay -archive /tmp/archive -spool /tmp/spool -bad /tmp/bad.ndjson
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/eventferry/eventferry/examples/internal/carry"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/replay"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	archive := flag.String("archive", ".", "folder of the archive")
	dir := flag.String("spool", "spool", "folder of the spool: it knows how far the archive is read")
	o := replay.Options{Progress: os.Stderr}
	flag.StringVar(&o.Bad, "bad", "bad.ndjson", "file for what is no batch")
	flag.Float64Var(&o.Rate, "rate", 0, "batches a second at most; 0: as many as Kafka takes")
	flag.BoolVar(&o.Historical, "historical", false, "set source_info.is_historical in each batch")
	flag.Parse()
	o.Files = os.DirFS(*archive)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, *dir, o, os.Stdout, log); err != nil {
		log.Error("replay ended", "err", err)
		os.Exit(1)
	}
}

// run replays, and returns when Kafka has everything.
func run(ctx context.Context, dir string, o replay.Options, out io.Writer, log *slog.Logger) error {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	open := func(ctx context.Context, opts ...forwarder.Option) (*forwarder.Forwarder, error) {
		return forwarder.New(ctx, s, opts...)
	}
	return carry.Through(ctx, dir, 256<<20, log, out, open, func(f *forwarder.Forwarder) error {
		result, err := replay.Run(ctx, f, o)
		fmt.Fprintf(out, "stored %d, bad %d, ", result.Stored, result.Bad)
		return err
	})
}
