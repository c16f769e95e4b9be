package doors

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// The variables of a service that is to be killed: the folder of its spool, that of
// its quarantine, and what is wrong with it. Package settings has variables of its own.
const (
	serviceVariable   = "EVENTFERRY_DOORS_SERVICE_SPOOL"
	serviceQuarantine = "EVENTFERRY_DOORS_SERVICE_QUARANTINE"
	serviceDefect     = "EVENTFERRY_DOORS_SERVICE_DEFECT"
)

// serve is the service: a webhook on a forwarder with a spool. It prints its address.
// Once its standard input ends, it drains and ends.
func serve() error {
	var s settings.Settings
	if err := s.SetFromEnv(os.LookupEnv); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	sp, err := spool.Open(context.Background(), os.Getenv(serviceVariable), spool.Options{
		MaxBytes: 32 << 20, SegmentBytes: 256 << 10, Logger: log, // each life begins a segment
	})
	if err != nil {
		return err
	}
	defer sp.Close()
	f, err := forwarder.New(context.Background(), s, forwarder.WithSpool(sp), forwarder.WithoutProbe(), forwarder.WithLogger(log))
	if err != nil {
		return err
	}
	defer f.Close()
	var to receiver.Forwarder = f
	switch os.Getenv(serviceDefect) {
	case "early":
		to = earlyStore{f}
	case "forgetful":
		to = forgetfulStore{f}
	}
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret(hookSecret)}})
	if err != nil {
		return err
	}
	r, err := receiver.New(to, feeds, receiver.WithLogger(log), receiver.WithDeadline(time.Second),
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")), receiver.WithQuarantine(keepInFolder))
	if err != nil {
		return err
	}
	server, err := r.Server("", nil)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if _, err := fmt.Fprintln(os.Stdout, l.Addr()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	end, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err = errors.Join(server.Shutdown(end), f.Shutdown(end))
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// keepInFolder keeps a body in a file that is named by it.
func keepInFolder(_ context.Context, q receiver.Quarantined) error {
	return os.WriteFile(quarantineFile(os.Getenv(serviceQuarantine), string(q.Body)), q.Body, 0o600)
}

func quarantineFile(folder, body string) string {
	return filepath.Join(folder, fmt.Sprintf("%x", sha256.Sum256([]byte(body))))
}

// An earlyStore says that a batch is stored, and stores it a moment later.
type earlyStore struct{ *forwarder.Forwarder }

func (f earlyStore) Store(_ context.Context, b *batch.Batch, _ ...spool.Tag) error {
	time.AfterFunc(100*time.Millisecond, func() { f.StoreAsync(context.Background(), b, func(error) {}) })
	return nil
}

// A forgetfulStore stores batches without what they are recognised by.
type forgetfulStore struct{ *forwarder.Forwarder }

func (f forgetfulStore) Store(ctx context.Context, b *batch.Batch, _ ...spool.Tag) error {
	return f.Forwarder.Store(ctx, b)
}
