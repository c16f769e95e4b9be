package doors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// The variables of a process that is to die; the settings are in those of package
// settings.
const (
	crashVariable     = "EVENTFERRY_TEST_CRASHING_DOOR"
	forgetfulVariable = "EVENTFERRY_TEST_FORGETFUL_DOOR" // it stores no tags
)

// deadly is in the bodies after whose sync the process dies.
const deadly = "deadly"

// TestCrashingDoor is the process, if the variable says so.
func TestCrashingDoor(t *testing.T) {
	if os.Getenv(crashVariable) == "" {
		t.Skip("another test starts a process of this one")
	}
	require.NoError(t, runCrashingDoor(t.Context()))
}

// A crashing forwarder kills its process between the sync of a batch and the answer
// to the one who posted it.
type crashing struct {
	*forwarder.Forwarder
	forgetful bool
}

func (c crashing) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	if c.forgetful {
		tag = nil
	}
	err := c.Forwarder.Store(ctx, b, tag...)
	if err == nil && strings.Contains(string(b.AppendJSON(nil)), deadly) {
		return die()
	}
	return err
}

func (c crashing) StoreAll(ctx context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	var errs []error
	for i, b := range bs {
		errs = append(errs, c.Forwarder.Store(ctx, b, tags[i]))
		if strings.Contains(string(b.AppendJSON(nil)), deadly) {
			return append(errs, die())
		}
	}
	return errs
}

func die() error {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		return err
	}
	select {}
}

// runCrashingDoor serves both doors, prints where, and drains when its standard input
// ends.
func runCrashingDoor(ctx context.Context) (err error) {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	f, err := forwarder.New(ctx, s, forwarder.WithoutProbe(), forwarder.WithLogger(quiet))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	feeds, err := receiver.StaticFeeds(
		receiver.Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret(hookSecret)}},
		receiver.Feed{Name: "sdk", APIKey: apiKey, Secrets: []settings.Secret{settings.NewSecret(apiSecret)}},
	)
	if err != nil {
		return err
	}
	r, err := receiver.New(crashing{f, os.Getenv(forgetfulVariable) != ""}, feeds, receiver.WithLogger(quiet),
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.1/32")))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server, err := r.Server("", nil)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if _, err := fmt.Fprintln(os.Stdout, "listening", l.Addr()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return f.Shutdown(end)
}
