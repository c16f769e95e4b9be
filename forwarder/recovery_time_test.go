package forwarder

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// brokerTime is how long New waits for brokers when its context has no deadline.
const brokerTime = 30 * time.Second

// A start without a probe succeeds while no broker can be reached, however long it reads the disk.
func TestNew_recoversWithoutBrokers(t *testing.T) {
	eachSlowStart(t, func(t *testing.T, begin startFunc, opened bool) {
		s := startSlowly(t, begin, opened)
		require.NoError(t, s.err)
		assert.Greater(t, s.took, brokerTime)
		assert.Equal(t, 1, s.messages)
	})
}

// A start that has read the disk for longer than brokers get gives them all of their time
// afterwards.
func TestNew_recoveryIsBesideBrokers(t *testing.T) {
	eachSlowStart(t, func(t *testing.T, begin startFunc, opened bool) {
		s := waitForCredentials(t, begin, opened)
		require.ErrorIs(t, s.err, context.DeadlineExceeded)
		assert.True(t, s.beside(), "%+v", s)
	})
}

// A start whose time for brokers begins before it reads the disk must be noticed.
func TestNew_recoveryIsBesideBrokers_control(t *testing.T) {
	eachSlowStart(t, func(t *testing.T, begin startFunc, opened bool) {
		s := waitForCredentials(t, func(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error) {
			ctx, cancel := connect.WithStartTimeout(ctx)
			defer cancel()
			return begin(ctx, s, opts...)
		}, opened)
		require.ErrorIs(t, s.err, context.DeadlineExceeded)
		assert.False(t, s.beside(), "%+v", s)
	})
}

// A startFunc makes a forwarder for the topic of the settings.
type startFunc func(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error)

// eachSlowStart calls test for each way to start on a folder. opened: the spool was opened
// before, so that only what was sent is left to read.
func eachSlowStart(t *testing.T, test func(t *testing.T, begin startFunc, opened bool)) {
	for name, begin := range map[string]startFunc{
		"New": New,
		"NewRoutes": func(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error) {
			routes := []Route{{Topic: s.TopicName}}
			s.TopicName = ""
			return NewRoutes(ctx, s, routes, opts...)
		},
	} {
		t.Run(name+" with spool.dir", func(t *testing.T) { test(t, begin, false) })
		t.Run(name+" with a spool", func(t *testing.T) { test(t, begin, true) })
	}
}

// A slowStart is how a start on a slow disk went, by the clock of its bubble.
type slowStart struct {
	err      error
	took     time.Duration
	asked    time.Duration // until it first needed something of brokers or credentials; 0: it did not
	messages int           // that were found
}

// beside reports whether a start that waited in vain had all of the time for that after it had
// read the disk.
func (s slowStart) beside() bool { return s.asked > brokerTime && s.took == s.asked+brokerTime }

// waitForCredentials starts a forwarder whose credentials never come: New waits for them as long
// as for brokers.
func waitForCredentials(t *testing.T, begin startFunc, opened bool) slowStart {
	var asked time.Duration
	s := startSlowly(t, func(ctx context.Context, s settings.Settings, opts ...Option) (*Forwarder, error) {
		began, released := time.Now(), make(chan struct{})
		defer close(released)
		return begin(ctx, s, append(opts, WithCredentials(func(context.Context) (string, settings.Secret, error) {
			asked = time.Since(began)
			<-released
			return "", settings.Secret{}, errors.New("too late")
		}))...)
	}, opened)
	s.asked = asked
	return s
}

// startSlowly starts a forwarder on a folder that a former process has left, while no broker can
// be reached. Each read of a segment takes longer than brokers get.
func startSlowly(t *testing.T, begin startFunc, opened bool) (result slowStart) {
	s := somewhere
	s.Spool.Dir, s.Spool.MaxBytes = t.TempDir(), 8<<20
	leaveUnderWay(t, s.Spool)
	synctest.Test(t, func(t *testing.T) {
		ctx := disk.NewContext(t.Context(), func(fs disk.FS) disk.FS { return slowDisk{fs} })
		quiet, down := slog.New(slog.DiscardHandler), errors.New("no route to host")
		opts := []Option{WithoutProbe(), WithLogger(quiet), WithDialer(func(context.Context, string, string) (net.Conn, error) { return nil, down })}
		if opened {
			open, err := spool.Open(ctx, s.Spool.Dir, spool.Options{MaxBytes: s.Spool.MaxBytes, Logger: quiet})
			require.NoError(t, err)
			defer func() { assert.NoError(t, open.Close()) }()
			s.Spool, opts = settings.Spool{}, append(opts, WithSpool(open))
		}
		began := time.Now()
		f, err := begin(ctx, s, opts...)
		result.took = time.Since(began)
		if result.err = err; err != nil {
			<-time.After(time.Hour) // an opening that was given up ends once the disk has answered
			return
		}
		result.messages = f.Stats().Spool.Messages
		assert.NoError(t, f.Close())
	})
	return result
}

// leaveUnderWay makes a folder with a message that a process may have sent before it died.
func leaveUnderWay(t *testing.T, o settings.Spool) {
	t.Helper()
	s, err := spool.Open(t.Context(), o.Dir, spool.Options{MaxBytes: o.MaxBytes, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	claim := spoolstore.Claim{Topics: []string{somewhere.TopicName}}
	c, err := s.Attach(claim)
	require.NoError(t, err)
	ticket, err := c.Store.Add(t.Context(), &spoolstore.Entry{
		Topic: somewhere.TopicName, Key: []byte("1"), Accepted: time.Now(), Messages: []spoolstore.Message{{Value: []byte("{}")}},
	})
	require.NoError(t, err)
	require.NoError(t, ticket.Wait(t.Context()))
	require.NoError(t, c.Store.Intend([]spoolstore.Intent{{
		Partition: spoolstore.Partition{Topic: somewhere.TopicName}, ProducerID: 7,
		Messages: []spoolstore.Range{{First: ticket.First, Next: ticket.First + 1}}, Timestamps: []int64{time.Now().UnixMilli()},
	}}))
	s.Detach(claim)
	require.NoError(t, s.Close())
}

// A slowDisk takes longer for each read of a segment than brokers get, by the clock of its
// bubble.
type slowDisk struct{ disk.FS }

type slowFile struct{ disk.File }

func (d slowDisk) Open(name string) (disk.File, error) {
	f, err := d.FS.Open(name)
	if err == nil && strings.HasPrefix(name, "segment-") {
		f = slowFile{f}
	}
	return f, err
}

func (f slowFile) ReadAt(b []byte, at int64) (int, error) {
	<-time.After(2 * brokerTime)
	return f.File.ReadAt(b, at)
}
