package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// A Door is what stands between the owners and the forwarder.
type Door string

// The doors.
const (
	NoDoor      Door = "" // owners call the forwarder
	WebhookDoor Door = "webhook"
)

// Validate returns an error if there is no such door.
func (d Door) Validate() error {
	if d != NoDoor && d != WebhookDoor {
		return fmt.Errorf("judge: no door %q: there is %s", d, WebhookDoor)
	}
	return nil
}

// earlyPatience is how long the forwarder behind an early answer tries.
const earlyPatience = 50 * time.Millisecond

const (
	doorSecret   = "Bearer judged"
	attemptName  = "X-Judged" // names the attempt of a post
	doorDeadline = 300 * time.Millisecond
	doorPause    = 20 * time.Millisecond // between two posts of a batch
	doorPosts    = 5000                  // of a batch: more than mParticle's, whose pauses are longer
)

// A door is a subject behind an HTTP server, with clients that behave as mParticle's
// webhook output does: what is answered 5xx, or not at all, is posted again, and what
// is answered 4xx is dropped.
type door struct {
	subject
	plan   doorPlan
	url    string
	server *http.Server
	client *http.Client
	served chan error

	count   atomic.Int64
	mu      sync.Mutex
	posting map[string]parcel
	refused map[[sha256.Size]byte]bool // what is in quarantine
}

// Repeated is the cause in the record of a batch that was kept after several posts. An
// answer 2xx says of all of it that it is kept, and not where.
const Repeated = "posted again"

// Doubted is the cause in the record of a batch of which Kafka could not tell whether it
// had taken it, as brokers had lost the producer's numbering. Posted again, it may be
// there twice.
const Doubted = "in doubt for good"

// A parcel is one batch on its way to a door.
type parcel interface {
	body() []byte
	postAgain() // is told of each post that is not the last
}

// A doorPlan says how to build a door.
type doorPlan struct {
	clients int
	blind   bool // its defect: it has no quarantine
	log     *slog.Logger
	parcels func(ctx context.Context) []parcel                  // those of a call
	with    func(ctx context.Context, p parcel) context.Context // has the observer find one
}

// newDoor puts a door before s.
func newDoor(s subject, plan doorPlan) (*door, error) {
	d := &door{
		subject: s, plan: plan, served: make(chan error, 1),
		posting: map[string]parcel{}, refused: map[[sha256.Size]byte]bool{},
	}
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "judged", Secrets: []settings.Secret{settings.NewSecret(doorSecret)}})
	if err != nil {
		return nil, err
	}
	opts := []receiver.Option{
		receiver.WithLogger(plan.log), receiver.WithDeadline(doorDeadline),
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")),
	}
	if !plan.blind {
		opts = append(opts, receiver.WithQuarantine(d.quarantine))
	}
	r, err := receiver.New(s, feeds, opts...)
	if err != nil {
		return nil, err
	}
	if d.server, err = r.Server("", nil); err != nil {
		return nil, err
	}
	d.server.Handler = d.naming(d.server.Handler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.url = "http://" + l.Addr().String() + receiver.WebhookPath
	d.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: plan.clients}}
	go func() { d.served <- d.server.Serve(l) }()
	return d, nil
}

// naming gives each request the attempt that it is for, which the observer looks for.
func (d *door) naming(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d.mu.Lock()
		a := d.posting[req.Header.Get(attemptName)]
		d.mu.Unlock()
		if a != nil {
			req = req.WithContext(d.plan.with(req.Context(), a))
		}
		h.ServeHTTP(w, req)
		d.mu.Lock()   // what the observer has written is the client's from here
		d.mu.Unlock() //nolint:staticcheck // nothing else is to be done in between
	})
}

func (d *door) quarantine(_ context.Context, q receiver.Quarantined) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[sha256.Sum256(q.Body)] = true
	return nil
}

// Forward posts a batch until it is kept, dropped or given up. The caller's deadline
// ends nothing: a post of the next batch could overtake one that is left.
func (d *door) Forward(ctx context.Context, b *batch.Batch) error {
	return d.ForwardAll(ctx, []*batch.Batch{b})[0]
}

// ForwardAll posts batches one after the other.
func (d *door) ForwardAll(ctx context.Context, _ []*batch.Batch) (errs []error) {
	for _, p := range d.plan.parcels(ctx) {
		errs = append(errs, d.post(context.WithoutCancel(ctx), p))
	}
	return errs
}

// ForwardAsync posts a batch before it returns.
func (d *door) ForwardAsync(ctx context.Context, b *batch.Batch, done func(error)) {
	done(d.Forward(ctx, b))
}

var (
	errUnkept  = errors.New("judge: refused, and not in quarantine")
	errRefused = errors.New("judge: refused for no reason")
	errGaveUp  = errors.New("judge: posted too often")
)

func (d *door) post(ctx context.Context, a parcel) error {
	name := strconv.FormatInt(d.count.Add(1), 10)
	d.name(name, a)
	defer d.name(name, nil)
	for range doorPosts {
		switch status := d.postOnce(ctx, name, a.body()); {
		case status >= 200 && status < 300:
			return nil
		case status == http.StatusRequestEntityTooLarge:
			if !d.quarantined(a.body()) {
				return errUnkept
			}
			return &forwarder.TooLargeError{Event: -1}
		case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
			return fmt.Errorf("%w: %d", errRefused, status)
		}
		a.postAgain()
		<-time.After(doorPause)
	}
	return errGaveUp
}

func (d *door) name(name string, a parcel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a == nil {
		delete(d.posting, name)
		return
	}
	d.posting[name] = a
}

func (d *door) quarantined(body []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused[sha256.Sum256(body)]
}

// postOnce returns the status of the answer, or 0 if there is none.
func (d *door) postOnce(ctx context.Context, name string, body []byte) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", doorSecret)
	req.Header.Set(attemptName, name)
	resp, err := d.client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	d.mu.Lock()                           // see naming
	defer d.mu.Unlock()
	return resp.StatusCode
}

// Shutdown closes the door first: its requests wait for the forwarder.
func (d *door) Shutdown(ctx context.Context) error {
	d.client.CloseIdleConnections()
	err := d.server.Shutdown(ctx)
	if ended := <-d.served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	err = errors.Join(err, d.subject.Shutdown(ctx))
	d.server, d.posting, d.refused = nil, nil, nil // what it remembers is no leak
	return err
}

// Close is for a process that ends in another way.
func (d *door) Close() error { return d.subject.Close() }

// An earlyAnswer says that a batch is in Kafka before it is, and gives up soon.
type earlyAnswer struct{ *forwarder.Forwarder }

func (e earlyAnswer) Forward(_ context.Context, b *batch.Batch) error {
	ctx, cancel := context.WithTimeout(context.Background(), earlyPatience)
	e.ForwardAsync(ctx, b, func(error) { cancel() })
	return nil
}

func (e earlyAnswer) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	for _, b := range bs {
		_ = e.Forward(ctx, b)
	}
	return nil
}
