package replay

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = time.Minute
)

// showProgress does so until the function that it returns is called.
func (r *replay) showProgress() (stop func()) {
	w := r.options.Progress
	if w == nil {
		return func() {}
	}
	every, show := lineEvery, r.lines(w)
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) { //nolint:gosec // a file descriptor
		every, show = barEvery, r.bar(w)
	}
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				show(false)
			case <-ending:
				show(true)
				return
			}
		}
	}()
	return func() {
		close(ending)
		<-ended
	}
}

// bar returns a function that draws a bar with bytes, rate and the remaining time. What a
// former Run has read is not in it: the rate would be wrong.
func (r *replay) bar(w io.Writer) func(last bool) {
	bar := progressbar.NewOptions64(r.archive.total,
		progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(), progressbar.OptionSetElapsedTime(false))
	return func(last bool) {
		bar.Describe(r.counts())
		read := r.done.read.Load()
		bar.ChangeMax64(max(1, read, r.archive.total-r.done.passed.Load()))
		_ = bar.Set64(read) // a terminal that is gone ends no replay
		if last {
			_, _ = fmt.Fprintln(w)
		}
	}
}

// lines returns a function that writes a line.
func (r *replay) lines(w io.Writer) func(last bool) {
	began := time.Now()
	return func(bool) {
		done := r.done.sum()
		took := time.Since(began)
		rate, left := 0.0, ""
		if seconds := took.Seconds(); seconds > 0 {
			rate = float64(r.done.read.Load()) / seconds
		}
		if rate > 0 {
			left = ", " + (time.Duration(float64(r.archive.total-done) / rate * float64(time.Second))).Round(time.Second).String() + " left"
		}
		_, _ = fmt.Fprintf(w, "replay: %s, %d of %d bytes, %.0f bytes/s%s\n", r.counts(), done, r.archive.total, rate, left)
	}
}

func (r *replay) counts() string {
	return fmt.Sprintf("%d of %d files, %d batches, %d bad", r.files.Load(), len(r.archive.paths), r.stored.Load(), r.bad.count())
}
