package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// The variables of a process that replays and is killed; its settings are in those of
// package settings.
const (
	childArchive   = "EVENTFERRY_TEST_REPLAY_ARCHIVE"
	childPositions = "EVENTFERRY_TEST_REPLAY_POSITIONS" // where it keeps positions
	childHangs     = "EVENTFERRY_TEST_REPLAY_HANGS"     // between a position and its batches, which it keeps apart
)

// Where a process may keep positions.
const (
	withBatches   = ""        // in the spool, as Run does
	nowhere       = "nowhere" // it reads each file from its beginning
	beforeBatches = "before"  // in a file that is written before the batches are stored
	behindBatches = "behind"  // in a file that is written when they are
)

// What a process prints.
const (
	childStored = "stored" // something is, or it hangs
	childWaited = "waited" // messages in the spool at its start: a number follows
)

func TestMain(m *testing.M) {
	if archive := os.Getenv(childArchive); archive != "" {
		if err := replayAndDrain(context.Background(), archive); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // this is main
		}
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")) // Sarama's
}

// replayAndDrain is the process that is killed.
func replayAndDrain(ctx context.Context, archive string) (err error) {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	f, err := forwarder.New(ctx, s, forwarder.WithLogger(slog.New(slog.DiscardHandler)), forwarder.WithoutProbe())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	say(childWaited, f.Spool().Stats().Messages)
	o := Options{Files: os.DirFS(archive), Bad: archive + ".bad", Rate: replayRate}.withDefaults()
	c := &child{replay: &replay{options: o, storeAll: f.StoreAll, position: f.Spool().Position, reading: 1}, hangs: os.Getenv(childHangs) != ""}
	if err := c.keepPositions(archive+".positions", os.Getenv(childPositions)); err != nil {
		return err
	}
	if store := c.storeAll; !c.hangs {
		c.storeAll = func(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
			defer c.report()
			return store(ctx, bs, tags...)
		}
	}
	if _, err := c.run(ctx); err != nil {
		return err
	}
	return f.Shutdown(ctx)
}

// A child is a replay that says when it has begun to store.
type child struct {
	*replay
	hangs  bool // until it is killed
	said   bool
	chunks int
}

func (c *child) report() {
	if !c.said {
		c.said = true
		say(childStored)
	}
}

// say prints a line. If there is nobody to read it, nobody waits for it.
func say(words ...any) { _, _ = fmt.Fprintln(os.Stdout, words...) }

// keepPositions keeps positions in another way than Run: what must not be.
func (c *child) keepPositions(path, way string) error {
	if way == withBatches {
		return nil
	}
	c.position = func(string) (int64, bool) { return 0, false }
	if way == nowhere {
		return nil
	}
	positions := map[string]int64{}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &positions)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var reading sync.Mutex // one goroutine reads files, another one stores
	c.position = func(file string) (int64, bool) {
		reading.Lock()
		defer reading.Unlock()
		offset, ok := positions[file]
		return offset, ok
	}
	store := c.storeAll
	note := func(tags []spool.Tag) error {
		reading.Lock()
		defer reading.Unlock()
		for _, t := range tags {
			positions[t.Source.File] = t.Source.Offset
		}
		text, err := json.Marshal(positions)
		return errors.Join(err, os.WriteFile(path, text, 0o600))
	}
	c.storeAll = func(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) (errs []error) {
		steps := []func() error{
			func() error { return note(tags) },
			func() error { c.hang(); return nil },
			func() error { errs = store(ctx, bs); return errors.Join(errs...) },
		}
		if way == behindBatches {
			steps[0], steps[2] = steps[2], steps[0]
		}
		for _, step := range steps {
			if err := step(); err != nil {
				errs = make([]error, len(bs))
				errs[0] = err
				return errs
			}
		}
		return nil
	}
	return nil
}

// hang waits to be killed, some way into the archive.
func (c *child) hang() {
	const at = 3
	if c.chunks++; !c.hangs || c.chunks < at {
		return
	}
	c.report()
	select {}
}
