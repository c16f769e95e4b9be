package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

//go:embed sample.ndjson
var sample string

// maxBatch bounds one batch of the input, in bytes.
const maxBatch = 16 << 20

// input reads the named file, or standard input ("-", or whenever something is
// piped in), or else the built-in sample. A silent pipe is
// given up when ctx ends. An empty pipe counts as no pipe when emptyPipe is set:
// with a Kafka of our own the sample does no harm, but it must not go to a user's
// cluster because the command that was to fill the pipe failed.
func input(ctx context.Context, file string, stdin *os.File, emptyPipe bool) ([]*batch.Batch, error) {
	type result struct {
		batches []*batch.Batch
		err     error
	}
	done := make(chan result, 1)
	go func() {
		batches, err := read(file, stdin, emptyPipe)
		done <- result{batches, err}
	}()
	select {
	case r := <-done:
		return r.batches, r.err
	case <-ctx.Done():
		name := file
		if name == "" || name == "-" {
			name = "standard input"
		}
		return nil, fmt.Errorf("%s: waiting for its end: %w", name, ctx.Err())
	}
}

func read(file string, stdin *os.File, emptyPipe bool) ([]*batch.Batch, error) {
	switch {
	case file == "" && !piped(stdin):
		return parse("sample", strings.NewReader(sample))
	case file == "":
		batches, err := parse("standard input", stdin)
		if errors.Is(err, errEmpty) && emptyPipe && !regular(stdin) {
			return parse("sample", strings.NewReader(sample))
		}
		return batches, err
	case file == "-":
		return parse("standard input", stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse(file, f)
}

var errEmpty = errors.New("no batch in it")

func parse(name string, r io.Reader) ([]*batch.Batch, error) {
	var batches []*batch.Batch
	for b, err := range batch.Read(r, maxBatch) {
		if err != nil {
			return nil, fmt.Errorf("%s: batch %d: %w", name, len(batches)+1, err)
		}
		batches = append(batches, b)
	}
	if len(batches) == 0 {
		return nil, fmt.Errorf("%s: %w", name, errEmpty)
	}
	return batches, nil
}

// piped reports whether standard input is a pipe or a file rather than a
// terminal or nothing.
func piped(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}

func regular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
