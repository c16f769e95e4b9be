package refusals

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// running is a forwarder that has delivered already, and all that it tells.
type running struct {
	*forwarder.Forwarder
	batch *batch.Batch

	mu    sync.Mutex
	conns []net.Conn
	log   bytes.Buffer
	waits []wait
}

type wait struct {
	after time.Duration // since the message was accepted or the last acknowledged
	cause error
}

// Write is that of the log.
func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *running) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func (r *running) waited() []wait {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]wait(nil), r.waits...)
}

func (r *running) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.conns = append(r.conns, conn)
	}
	return conn, err
}

// cut closes all connections.
func (r *running) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

func (r *running) waiting(_ context.Context, w forwarder.WaitInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = append(r.waits, wait{time.Since(w.Since), w.Cause})
}

func run(t *testing.T, s settings.Settings, opts ...forwarder.Option) *running {
	t.Helper()
	b, err := batch.Parse([]byte(`{"mpid":1,"events":[{"event_type":"opt_out"}]}`))
	require.NoError(t, err)
	r := &running{batch: b}
	own := []forwarder.Option{
		forwarder.WithDialer(r.dial),
		forwarder.WithLogger(slog.New(slog.NewTextHandler(r, nil))),
		forwarder.WithObserver(forwarder.Observer{Waiting: r.waiting}),
	}
	r.Forwarder, err = forwarder.New(t.Context(), s, append(own, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	require.NoError(t, r.Forward(t.Context(), b))
	return r
}

// refusedNow asserts that a batch waits, and that within 5 seconds the
// observer, the log and the error of its deadline say why.
func (r *running) refusedNow(t *testing.T, s settings.Settings, want string) error {
	t.Helper()
	want = strings.ReplaceAll(want, "SERVER", s.Servers()[0])
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	err := r.Forward(ctx, r.batch)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, want)
	assert.False(t, forwarder.Permanent(err))

	waits := r.waited()
	if assert.NotEmpty(t, waits, "the observer") {
		assert.ErrorContains(t, waits[0].cause, want)
		assert.Less(t, waits[0].after, 5*time.Second)
	}
	for _, text := range []string{err.Error(), r.logged()} {
		assert.NotContains(t, text, s.Password.Reveal())
	}
	var record bytes.Buffer
	slog.New(slog.NewTextHandler(&record, nil)).Info("", "cause", want)
	_, quoted, _ := strings.Cut(record.String(), "cause=")
	assert.Contains(t, r.logged(), strings.TrimSuffix(quoted, "\"\n"), "the log, as slog quotes it")
	return err
}

// passwordChanged: set gives the user another password.
func passwordChanged(t *testing.T, s settings.Settings, set func(password string)) {
	r := run(t, s)
	set("new-secret")
	r.cut()
	err := r.refusedNow(t, s, `SERVER refused user "`+s.UserName+`" with `+string(s.AuthenticationMethod)+`: wrong password, or the user has no `+
		string(s.AuthenticationMethod)+` credential, which kafka-configs creates: `+sarama.ErrSASLAuthenticationFailed.Error())
	assert.ErrorIs(t, err, sarama.ErrSASLAuthenticationFailed)

	set(s.Password.Reveal())
	var late *forwarder.DeliveryError
	require.ErrorAs(t, err, &late)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	assert.NoError(t, late.Wait(ctx), "it goes on when the password is right again")
}

// topicDeleted: the topic is gone while a batch is forwarded.
func topicDeleted(t *testing.T, s settings.Settings, remove func()) {
	r := run(t, s)
	remove()
	err := r.refusedNow(t, s, `SERVER has no topic "`+s.TopicName+`": create it, or correct topic_name: `+sarama.ErrUnknownTopicOrPartition.Error())
	assert.ErrorIs(t, err, sarama.ErrUnknownTopicOrPartition)
}

// rightWithdrawn: what may not be written waits until it may be.
func rightWithdrawn(t *testing.T, s settings.Settings, withdraw, grant func()) {
	r := run(t, s)
	withdraw()
	text := noRight(s)
	err := r.refusedNow(t, s, text)
	assert.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	assert.True(t, forwarder.NothingSent(err), "brokers ask for the right before they write")
	assert.EqualError(t, r.Ping(t.Context()), "forwarder: "+strings.ReplaceAll(text, "SERVER", s.Servers()[0]))

	grant()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	assert.NoError(t, r.Forward(ctx, r.batch))
}

func noRight(s settings.Settings) string {
	return `SERVER does not let user "` + s.UserName + `" see topic "` + s.TopicName +
		`", if there is one: grant it the operations WRITE and DESCRIBE: ` + sarama.ErrTopicAuthorizationFailed.Error()
}

// rightWithdrawnAtOnce: the stock producer does not try again what it may not
// write, so this comes back at once.
func rightWithdrawnAtOnce(t *testing.T, s settings.Settings, withdraw func()) {
	r := run(t, s, forwarder.WithSaramaProducer())
	withdraw()
	start := time.Now()
	err := r.Forward(t.Context(), r.batch)
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.EqualError(t, err, `forwarder: delivering: 1 of 1 messages not acknowledged: first is unknown (partition 0): `+
		`the brokers do not let user "`+s.UserName+`" write to topic "`+s.TopicName+`": grant it the operation WRITE: `+
		sarama.ErrTopicAuthorizationFailed.Error())
	assert.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	assert.False(t, forwarder.Permanent(err))
	assert.False(t, forwarder.NothingSent(err))
}
