package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/bench"
)

// A tuning is the flags for measuring a part, and no results are written.
type tuning struct {
	on                   *bool
	rows, only           *string
	size, codec, shape   *string
	rounds, brokers      *int
	profiled, profilesTo *string
}

func tuningFlags() tuning {
	return tuning{
		on:         flag.Bool("tune", false, "measure only what the flags below choose, print a table and write no results"),
		rows:       flag.String("rows", "", "with -tune: rows of the bars, such as 1,4,7"),
		only:       flag.String("only", "", "with -tune: contenders, such as engine,seam,franz0,franz5,franz10,sarama,librdkafka,java,forward"),
		size:       flag.String("size", "", "with -tune: 1, 9 or 64, of KB"),
		codec:      flag.String("codec", "", "with -tune: none, lz4 or zstd"),
		shape:      flag.String("shape", "", "with -tune: single, groups or pipeline"),
		rounds:     flag.Int("rounds", 3, "with -tune: how often everything is measured; 0 for profiles only"),
		brokers:    flag.Int("brokers", 1, "with -tune: 1 or 3"),
		profiled:   flag.String("profile", "", "with -tune: contender to make CPU profiles of"),
		profilesTo: flag.String("pprof", "", "with -profile: folder for them"),
	}
}

func (t tuning) run(ctx context.Context, w io.Writer, measure time.Duration) error {
	o := bench.TuneOptions{
		Options: bench.Options{Measure: measure, Out: os.Stderr},
		Size:    *t.size, Codec: *t.codec, Shape: *t.shape, Rounds: *t.rounds, Brokers: *t.brokers, Folder: *t.profilesTo,
	}
	var errs [3]error
	o.Rows, errs[0] = bench.ParseRows(*t.rows)
	o.Only, errs[1] = bench.ParseContenders(*t.only)
	switch names, err := bench.ParseContenders(*t.profiled); {
	case err != nil:
		errs[2] = err
	case len(names) == 1 && o.Folder != "":
		o.Profile = names[0]
	case len(names) > 0 || o.Folder != "":
		errs[2] = errors.New("peers: -profile takes one contender, and -pprof the folder")
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if err := bench.MoveAside(); err != nil {
		return err
	}
	r, err := bench.Tune(ctx, o)
	if r != nil && *t.rounds > 0 { // also what there was until an error
		_, wrong := fmt.Fprint(w, r.Text())
		err = errors.Join(err, wrong)
	}
	return err
}
