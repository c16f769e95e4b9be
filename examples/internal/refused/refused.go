// Package refused lets an operator decide about the messages of a spool that brokers
// have refused: list them, put them again, discard them, and write them to a file.
package refused

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/eventferry/eventferry/examples/internal/carry"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// An Order says what to do with refused messages: those of Put, or those of Discard, not
// both. Without either they are listed.
type Order struct {
	Dir      string // of the spool
	MaxBytes int64  // that it may take; 0: the spool's default
	Put      Choice // these are stored again, behind all that is stored
	Discard  Choice // these are never sent
	Out      string // a file, which must not be there yet, for the values of those that are chosen, or of all
}

// Flags adds those that set o.
func (o *Order) Flags(flags *flag.FlagSet) {
	flags.Var(&o.Put, "put", "all, or numbers of the list: store these again, to be sent")
	flags.Var(&o.Discard, "discard", "all, or numbers of the list: never send these")
	flags.StringVar(&o.Out, "out", "", "a new file for their values, which are customers' data")
}

// Run opens the spool, does as it is told, and closes it. It tells out what it did with
// each message. A message of the choice that is not there is an error, and then nothing is
// done. So is a service that uses the folder. Messages are written to the file, and the
// file is synced, before any is discarded or put again.
func Run(ctx context.Context, o Order, log *slog.Logger, out io.Writer) (err error) {
	if o.Put.Any() && o.Discard.Any() {
		return errors.New("-put and -discard exclude each other: run it twice")
	}
	if err := carry.Find(o.Dir); err != nil {
		return err
	}
	s, err := spool.Open(ctx, o.Dir, spool.Options{MaxBytes: o.MaxBytes, Logger: log})
	if errors.As(err, new(*spool.LockedError)) {
		return fmt.Errorf("%w; or stop the gateway that runs with it, and run this before it starts again", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	chosen := o.Put
	if o.Discard.Any() {
		chosen = o.Discard
	}
	if err := list(s, chosen, out); err != nil {
		return err
	}
	if o.Out != "" {
		if err := writeFile(s, chosen, o.Out, out); err != nil {
			return err
		}
	}
	return o.act(ctx, s, out)
}

// list prints the messages. It fails if one of the choice is not there.
func list(s *spool.Spool, chosen Choice, out io.Writer) error {
	missing, unreadable := chosen.numbers(), 0
	for m, err := range s.Refused() {
		if err != nil {
			unreadable++
			fmt.Fprintln(out, err)
			continue
		}
		delete(missing, m.Number)
		part := ""
		if m.Part != "" {
			part = ", part " + m.Part
		}
		fmt.Fprintf(out, "%d: topic %q, %d bytes%s, accepted %s, refused %s, code %d: %s\n", m.Number, m.Topic, len(m.Value), part,
			m.Accepted.UTC().Format(time.RFC3339), m.At.UTC().Format(time.RFC3339), m.Code, m.Reason)
	}
	st := s.Stats()
	if _, err := fmt.Fprintf(out, "refused %d, to send %d\n", st.Refused, st.Messages); err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("no refused message has the numbers %v: nothing was done", sorted(missing))
	}
	if unreadable > 0 {
		return fmt.Errorf("%d refused messages cannot be read: nothing was done", unreadable)
	}
	return nil
}

// writeFile writes the values of the chosen messages, or of all, to a new file that only
// its owner may read, one behind the other, each with a line end, and syncs it.
func writeFile(s *spool.Spool, chosen Choice, path string, out io.Writer) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	w, n := bufio.NewWriter(f), 0
	for m, readErr := range s.Refused() {
		if readErr != nil {
			err = readErr
			break
		}
		if chosen.Any() && !chosen.has(m.Number) {
			continue
		}
		n++
		_, _ = w.Write(m.Value) // w keeps the error
		_ = w.WriteByte('\n')
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("-out: %w", err)
	}
	_, err = fmt.Fprintf(out, "wrote %d to %s\n", n, path)
	return err
}

// act puts the chosen messages again, or discards them.
func (o Order) act(ctx context.Context, s *spool.Spool, out io.Writer) error {
	for m, err := range s.Refused() {
		if err != nil {
			return err
		}
		var done string
		switch {
		case o.Put.has(m.Number):
			done, err = "put again: the next serve, or drain, sends it", m.PutAgain(ctx)
		case o.Discard.has(m.Number):
			done, err = "discarded", m.Discard()
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", m.Number, err)
		}
		if _, err := fmt.Fprintf(out, "%d: %s\n", m.Number, done); err != nil {
			return err
		}
	}
	return nil
}
