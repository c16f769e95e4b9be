package refusals

import (
	"bytes"
	"context"
	"errors"
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
	r := start(t, s, opts...)
	require.NoError(t, r.Forward(t.Context(), r.batch))
	return r
}

// start is run for a forwarder that has delivered nothing yet.
func start(t *testing.T, s settings.Settings, opts ...forwarder.Option) *running {
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
	return r
}

// refusedNow asserts that a batch waits, and that within 5 seconds the observer
// says why, and then the log and the error of a deadline.
func (r *running) refusedNow(t *testing.T, s settings.Settings, want string) error {
	t.Helper()
	want = strings.ReplaceAll(want, "SERVER", s.Servers()[0])
	var record bytes.Buffer
	slog.New(slog.NewTextHandler(&record, nil)).Info("", "cause", want)
	_, quoted, _ := strings.Cut(record.String(), "cause=")
	quoted = strings.TrimSuffix(quoted, "\"\n")

	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	r.ForwardAsync(ctx, r.batch, func(err error) { first <- err })
	require.Eventually(t, func() bool { return len(r.waited()) > 0 && strings.Contains(r.logged(), "delivery waits") },
		time.Minute, 10*time.Millisecond)
	assert.Contains(t, r.logged(), quoted, "the log, as slog quotes it")
	waits := r.waited()
	assert.ErrorContains(t, waits[0].cause, want)
	assert.True(t, documented(t, waits[0].cause.Error()), "forwarder/REFUSALS.md lists all texts: %v", waits[0].cause)
	assert.Less(t, waits[0].after, machine.Allow(5*time.Second, began))

	soon, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	err := r.Forward(soon, r.batch)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, want)
	assert.False(t, forwarder.Permanent(err))
	for _, text := range []string{err.Error(), r.logged()} {
		assert.NotContains(t, text, s.Password.Reveal())
	}
	cancel()
	err = <-first
	assert.ErrorContains(t, err, want)
	return err
}

// passwordChanged: set gives the user another password.
func passwordChanged(t *testing.T, s settings.Settings, set func(password string)) {
	r := run(t, s)
	set("new-secret")
	require.Eventually(t, func() bool {
		return errors.Is(r.Ping(t.Context()), sarama.ErrSASLAuthenticationFailed)
	}, time.Minute, 10*time.Millisecond, "brokers learn of a password a moment later")
	r.cut()
	err := r.refusedNow(t, s, `SERVER refused user "`+s.UserName+`" with `+string(s.AuthenticationMethod)+`: wrong password, or the user has no `+
		string(s.AuthenticationMethod)+` credential, which kafka-configs creates: `+sarama.ErrSASLAuthenticationFailed.Error())
	assert.ErrorIs(t, err, sarama.ErrSASLAuthenticationFailed)

	set(s.Password.Reveal())
	var late *forwarder.DeliveryError
	require.ErrorAs(t, err, &late)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if forwarder.NothingSent(err) { // it was not on its way yet
		assert.NoError(t, r.Forward(ctx, r.batch), "delivery resumes when the password is right again")
		return
	}
	assert.NoError(t, late.Wait(ctx), "delivery resumes when the password is right again")
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	assert.NoError(t, r.Forward(ctx, r.batch))
}

func noRight(s settings.Settings) string {
	return `SERVER does not let user "` + s.UserName + `" see topic "` + s.TopicName +
		`", if there is one: grant it the operations WRITE and DESCRIBE, or correct topic_name: ` + sarama.ErrTopicAuthorizationFailed.Error()
}

// rightWithdrawnAtOnce: the stock producer does not try again what it may not
// write, so this comes back at once.
func rightWithdrawnAtOnce(t *testing.T, s settings.Settings, withdraw func()) {
	r := run(t, s, forwarder.WithSaramaProducer())
	withdraw()
	start := time.Now()
	err := r.Forward(t.Context(), r.batch)
	assert.Less(t, time.Since(start), machine.Allow(5*time.Second, start))
	assert.EqualError(t, err, `forwarder: delivering: 1 of 1 messages not acknowledged: first is unknown (partition 0): `+
		`the brokers do not let user "`+s.UserName+`" write to topic "`+s.TopicName+`": grant it the operation WRITE: `+
		sarama.ErrTopicAuthorizationFailed.Error())
	assert.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	assert.False(t, forwarder.Permanent(err))
	assert.False(t, forwarder.NothingSent(err))
}
