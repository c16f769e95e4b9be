// Package refused lets an operator decide about the messages of a spool that brokers
// have refused: list them, put them again, discard them, and write them to a file.
package refused

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
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

// roomWait is how long a message that is put again may wait for room and for the disk.
// No service runs meanwhile, so room comes only from messages that were put before it.
const roomWait = 10 * time.Second

var errNoRoom = fmt.Errorf("no room came in %s", roomWait)

// Run opens the spool, does as it is told, and closes it. It tells out what it did with
// each message. A message of the choice that is not there is an error, and then nothing is
// done. So is a service that uses the folder. Messages are written to the file, and the
// file is synced, before any is discarded or put again. Those that damage has taken are
// left as they are. They are an error in the end, unless the choice names others only.
func Run(ctx context.Context, o Order, log *slog.Logger, out io.Writer) (err error) {
	if o.Put.Any() && o.Discard.Any() {
		return errors.New("-put and -discard exclude each other: run it twice")
	}
	if o.Dir == "" {
		return errors.New("settings.spool.dir is missing: name it, or the folder behind refused")
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
	readable, unreadable, err := list(s, chosen, out)
	if err != nil {
		return err
	}
	if o.Out != "" {
		if err := writeFile(s, chosen, readable, o.Out, out); err != nil {
			return err
		}
	}
	if err := o.act(ctx, s, readable, out); err != nil {
		return err
	}
	if unreadable > 0 && len(chosen.of) == 0 {
		return fmt.Errorf("%d refused messages cannot be read, and are left as they are: look at the disk", unreadable)
	}
	return nil
}

// list prints the messages, with a line for each cause of those that cannot be read. It
// counts these, and those of the choice, or of all, that can be read. It fails if a message
// of the choice is not there, or cannot be read.
func list(s *spool.Spool, chosen Choice, out io.Writer) (readable, unreadable int, err error) {
	missing, told := chosen.numbers(), map[string]bool{}
	for m, err := range s.Refused() {
		if err != nil {
			unreadable++
			if text := err.Error(); !told[text] {
				told[text] = true
				fmt.Fprintln(out, text)
			}
			continue
		}
		if delete(missing, m.Number); !chosen.Any() || chosen.has(m.Number) {
			readable++
		}
		part := ""
		if m.Part != "" {
			part = ", part " + m.Part
		}
		fmt.Fprintf(out, "%d: topic %q, %d bytes%s, accepted %s, refused %s, code %d: %s\n", m.Number, m.Topic, len(m.Value), part,
			m.Accepted.UTC().Format(time.RFC3339), m.At.UTC().Format(time.RFC3339), m.Code, m.Reason)
	}
	st := s.Stats()
	if _, err := fmt.Fprintf(out, "refused %d, to send %d\n", st.Refused, st.Messages); err != nil {
		return readable, unreadable, err
	}
	if len(missing) > 0 {
		return readable, unreadable, fmt.Errorf("no refused message has the numbers %v: nothing was done", sorted(missing))
	}
	return readable, unreadable, nil
}

// act puts the chosen messages again, of which readable can be read, or discards them.
func (o Order) act(ctx context.Context, s *spool.Spool, readable int, out io.Writer) error {
	if !o.Put.Any() && !o.Discard.Any() {
		return nil
	}
	for m, err := range s.Refused() {
		if err != nil {
			continue // list has told
		}
		var done string
		switch {
		case o.Put.has(m.Number):
			done, err = "put again: the next serve, or drain, sends it", putAgain(ctx, m)
		case o.Discard.has(m.Number):
			done, err = "discarded", m.Discard()
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", m.Number, err)
		}
		readable--
		if _, err := fmt.Fprintf(out, "%d: %s\n", m.Number, done); err != nil {
			return err
		}
	}
	if readable > 0 {
		return fmt.Errorf("%d messages can be read no more, and are left as they are: look at the disk", readable)
	}
	return nil
}

// putAgain does not wait for ever where nothing has room.
func putAgain(ctx context.Context, m *spool.RefusedMessage) error {
	wait, cancel := context.WithTimeoutCause(ctx, roomWait, errNoRoom)
	defer cancel()
	err := m.PutAgain(wait)
	if errors.Is(err, spool.ErrFull) && errors.Is(err, errNoRoom) {
		return fmt.Errorf("%w; raise settings.spool.max_bytes, or write some to a file by -out FILE -discard N,... and replay that", err)
	}
	return err
}
