package replay

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
)

// Options say what [Run] reads, and how. Files and Bad are required.
type Options struct {
	// Files is the archive, such as os.DirFS(dir). Required.
	Files fs.FS

	// Name tells apart archives that are read into one spool: a position is stored
	// under this name and the path of the file. Default: "replay".
	Name string

	// Bad is the path of the file to which Run appends what is no batch, as the
	// documentation of the package says. Run creates it when there is something to
	// write, readable by its owner only. Keep it from one Run to the next: what it
	// holds is not written again. Required.
	Bad string

	// Rate is how many batches are stored in a second at most. 0: as many as the disk
	// takes, and while the spool is full as many as Kafka takes.
	Rate float64

	// Historical sets source_info.is_historical in each batch, so that consumers can
	// tell replayed batches from others. Default: batches stay as they are.
	Historical bool

	// Progress gets a progress bar if it is a terminal, as os.Stderr may be, and
	// otherwise a line a minute and one at the end. One goroutine writes to it until
	// Run returns. Nil: nothing is written.
	Progress io.Writer

	// MaxBatchBytes bounds the text of a batch: a longer one goes to Bad. Default:
	// 8 MiB.
	MaxBatchBytes int
}

const defaultMaxBatchBytes = 8 << 20

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "replay"
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = defaultMaxBatchBytes
	}
	return o
}

func (o Options) check() error {
	var mistakes []error
	if o.Files == nil {
		mistakes = append(mistakes, errors.New("replay: Options.Files is nil: give an archive, such as os.DirFS"))
	}
	if o.Bad == "" {
		mistakes = append(mistakes, errors.New("replay: Options.Bad is empty: name a file for what is no batch"))
	}
	if !(o.Rate >= 0) || math.IsInf(o.Rate, 0) {
		mistakes = append(mistakes, fmt.Errorf("replay: Options.Rate is %v: it must be a positive number, or 0 for no limit", o.Rate))
	}
	if o.MaxBatchBytes < 0 {
		mistakes = append(mistakes, fmt.Errorf("replay: Options.MaxBatchBytes is negative: %d", o.MaxBatchBytes))
	}
	return errors.Join(mistakes...)
}

// A Result is what one [Run] has done.
type Result struct {
	Files  int // read to their end, by this Run or a former one
	Stored int // batches that this Run has stored, or that a filter or a setting dropped
	Bad    int // entries that this Run has added to Options.Bad
}
