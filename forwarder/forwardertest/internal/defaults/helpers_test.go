package defaults

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const (
	topic      = "events"
	partitions = 12
	patience   = 3 * time.Minute // of a test whose broker shares two cores with others
)

// A load numbers batches of some users and remembers those that were
// acknowledged.
type load struct {
	random *rand.Rand
	n      int

	mu           sync.Mutex
	acknowledged []string
}

func newLoad() *load {
	return &load{random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // a load that can be repeated
}

// text returns n characters, of which a codec leaves half, or three quarters if
// they are dense.
func (l *load) text(n int, dense bool) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(l.random.Uint32())
	}
	if dense {
		return base64.StdEncoding.EncodeToString(raw)[:n]
	}
	return fmt.Sprintf("%x", raw)[:n]
}

// batch makes a batch of about so many bytes for one of 40 users.
func (l *load) batch(t *testing.T, bytes int, dense bool) *batch.Batch {
	t.Helper()
	events := `[]`
	if bytes > 0 {
		events = fmt.Sprintf(`[{"event_type":"custom_event","data":{"event_name":%q}}]`, l.text(bytes, dense))
	}
	l.n++
	text := fmt.Sprintf(`{"mpid":%d,"batch_id":"%d","n":%d,"events":%s}`, 1+l.n%40, l.n, l.n, events)
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	return b
}

// forward forwards batches at once, in their order, and returns their errors.
func (l *load) forward(ctx context.Context, f *forwarder.Forwarder, all []*batch.Batch) []error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, b := range all {
		wg.Add(1)
		f.ForwardAsync(ctx, b, func(err error) {
			defer wg.Done()
			if errs[i] = err; err == nil {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.acknowledged = append(l.acknowledged, id(b))
			}
		})
	}
	wg.Wait()
	return errs
}

func id(b *batch.Batch) string {
	text, _ := b.At("batch_id").Text() // it is there
	return text
}

// everySize forwards batches from none to many bytes.
func (l *load) everySize(t *testing.T, f *forwarder.Forwarder, most int) {
	t.Helper()
	var all []*batch.Batch
	for range 20 {
		all = append(all, l.batch(t, 0, false))
	}
	for range 300 {
		all = append(all, l.batch(t, 9_000, false))
	}
	for range 200 {
		all = append(all, l.batch(t, 20_000, false))
	}
	all = append(all, l.batch(t, most, true), l.batch(t, most, true))
	for i, err := range l.forward(within(t), f, all) {
		require.NoError(t, err, "batch %d of %d", i, len(all))
	}
}

// check compares what arrived with what was acknowledged.
func (l *load) check(t *testing.T, messages []forwardertest.Message) {
	t.Helper()
	member := forwardertest.Member("batch_id")
	forwardertest.NoLoss(t, messages, l.acknowledged, member)
	forwardertest.NoDuplicates(t, messages, member)
	forwardertest.OrderedPerUser(t, messages, forwardertest.Member("n"))
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A dialer counts connections.
type dialer struct{ dials atomic.Int64 }

func (d *dialer) option() forwarder.Option {
	return forwarder.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		d.dials.Add(1)
		var plain net.Dialer
		return plain.DialContext(ctx, network, address)
	})
}

// open connects and closes with the test.
func open(t *testing.T, start func(context.Context) (*forwarder.Forwarder, error)) *forwarder.Forwarder {
	t.Helper()
	f, err := start(within(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}
