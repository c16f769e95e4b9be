package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/eventferry/eventferry/examples/internal/carry"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// Held opens the spool, if there is one and no process uses it, reads what it holds, and
// closes it. topics are those that the service has.
func (s Service) Held(ctx context.Context, topics []string, log *slog.Logger) []forwarder.Check {
	const step = "spool"
	dir := s.Settings.Spool.Dir
	if dir == "" {
		return nil // Look has told
	}
	if err := carry.Find(dir); errors.Is(err, fs.ErrNotExist) || errors.Is(err, carry.ErrNoSpool) {
		return []forwarder.Check{fine(step, "messages", "there is none yet")}
	}
	sp, err := spool.Open(ctx, dir, spool.Options{MaxBytes: s.Settings.Spool.MaxBytes, Logger: log})
	if errors.As(err, new(*spool.LockedError)) {
		return []forwarder.Check{{
			Step: step, Target: "messages", Status: forwarder.CheckSkipped,
			Found: "the folder is in use: eventferry_spool_messages and eventferry_spool_refused tell",
		}}
	}
	if err != nil {
		return []forwarder.Check{wrong(step, "messages", oneLine(err), "mend the folder spool.dir")}
	}
	st, other := sp.Stats(), sp.CheckTopics(topics...)
	checks := []forwarder.Check{fine(step, "messages", Holds(st))}
	if st.Refused > 0 {
		checks = append(checks, forwarder.Check{
			Step: step, Target: "refused", Status: forwarder.CheckWarning, Found: firstRefused(sp, st.Refused),
			Do: "gateway refused lists them, puts them again and discards them",
		})
	}
	if st.Damaged > 0 {
		checks = append(checks, forwarder.Check{
			Step: step, Target: "damage", Status: forwarder.CheckWarning, Found: fmt.Sprintf("%d places, first: %v", st.Damaged, sp.Damage()[0]),
			Do: "look at the disk: what is intact is sent",
		})
	}
	if other != nil {
		checks = append(checks, wrong(step, "topics", oneLine(other), Drain(dir)))
	}
	if err := sp.Close(); err != nil {
		checks = append(checks, wrong(step, "close", oneLine(err), "look at the disk"))
	}
	return checks
}

// Holds says what a spool holds, in a line.
func Holds(st spool.Stats) string {
	oldest := ""
	if !st.Oldest.IsZero() {
		oldest = ", oldest since " + st.Oldest.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%d to send%s, %d refused: %d bytes in segments with messages, format %d", st.Messages, oldest, st.Refused, st.Bytes, st.Format)
}

// firstRefused tells of the refused messages, of which there are n.
func firstRefused(s *spool.Spool, n int) string {
	text := fmt.Sprintf("%d messages", n)
	if n == 1 {
		text = "1 message"
	}
	for m, err := range s.Refused() {
		if err != nil {
			return text + ", the first cannot be read: " + oneLine(err)
		}
		return text + ", first: " + m.Reason
	}
	return text
}

// Tell has the log say what a spool that was opened holds.
func Tell(s *spool.Spool, log *slog.Logger) {
	st := s.Stats()
	log.Info("spool opened: "+Holds(st), slog.String("dir", s.Dir()))
	if st.Refused > 0 {
		log.Warn("spool: "+firstRefused(s, st.Refused)+" refused; each is kept until it is put again or discarded: "+
			"stop the gateway, and run gateway refused", slog.String("dir", s.Dir()))
	}
}

// Opened adds to the error of opening the spool in dir what to do, where it does not say.
func Opened(err error, dir string) error {
	if errors.As(err, new(*spool.TopicError)) {
		return fmt.Errorf("%w; %s", err, Drain(dir))
	}
	return err
}

// Drain says what to do about messages in dir for a topic that the service has no more.
func Drain(dir string) string {
	return fmt.Sprintf("empty it with the topics as they were: gateway drain -config OLD-FILE %s", dir)
}
