package refusals

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// TestWithDialer: probe and producer both use it, for every broker, and no
// other way.
func TestWithDialer(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	var dials atomic.Int64
	var d net.Dialer
	r := run(t, k.Settings(), forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return d.DialContext(ctx, network, addr)
	}))
	assert.GreaterOrEqual(t, dials.Load(), int64(4), "three by the probe, and what the producer needs")
	before := dials.Load()
	require.NoError(t, r.Ping(t.Context()))
	assert.GreaterOrEqual(t, dials.Load(), before+3, "three by Ping, and what the producer opens late")

	closed := errors.New("no way through the proxy")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := forwarder.New(ctx, k.Settings(), forwarder.WithDialer(
		func(context.Context, string, string) (net.Conn, error) { return nil, closed }))
	assert.ErrorIs(t, err, closed)
}

// TestRefused_leader: a broker that leads partitions and refuses counts, though
// the server that was asked has shown the topic.
func TestRefused_leader(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTopic("events", 3))
	impostor := forwardertest.NewKafka(t)
	lost := k.Servers()[2]
	var d net.Dialer
	s := k.Settings()
	s.BootstrapServers = k.Servers()[0]
	misled := forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == lost {
			addr = impostor.Servers()[0]
		}
		return d.DialContext(ctx, network, addr)
	})
	err := quickly(t, func() error {
		_, err := forwarder.New(t.Context(), s, misled)
		return err
	})
	assert.ErrorContains(t, err, `forwarder: broker 2, leader of partition 2, at `+lost+` as `+k.Servers()[0]+
		` advertises it: certificate of `+lost+` is signed by an authority that is not trusted ("CN=forwardertest CA"): `)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assertDiagnosed(t.Context(), t, s, []forwarder.Option{misled}, err.Error())
}

// TestWithTLS: probe and producer both use the caller's configuration, with
// its own checks.
func TestWithTLS(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithCertificate(forwardertest.WithCertHosts("kafka.example.com")))
	s := k.Settings()
	s.TLS = settings.TLS{}
	var checks atomic.Int64
	refuse := errors.New("not pinned")
	var pinned atomic.Bool
	pinned.Store(true)
	own := forwarder.WithTLS(&tls.Config{
		RootCAs:    k.CA().Pool(),
		ServerName: "kafka.example.com",
		VerifyConnection: func(tls.ConnectionState) error {
			checks.Add(1)
			if !pinned.Load() {
				return refuse
			}
			return nil
		},
	})
	r := run(t, s, own)
	assert.GreaterOrEqual(t, checks.Load(), int64(2))
	pinned.Store(false)
	err := r.Ping(t.Context())
	require.ErrorIs(t, err, refuse)
	assert.True(t, documented(t, err.Error()), "forwarder/REFUSALS.md lists all texts: %v", err)
	assertDiagnosed(t.Context(), t, s, []forwarder.Option{own}, err.Error())
}

// TestWithCredentials: they are asked for at each connection, so that a changed
// password needs no new forwarder.
func TestWithCredentials(t *testing.T) {
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s, vault := locked(k.SettingsFor(m))
			r := run(t, s, forwarder.WithCredentials(vault.credentials))
			if m == settings.SCRAMSHA512 {
				require.NoError(t, k.SetPassword(t.Context(), "new-secret"))
				vault.set("new-secret")
			}
			before := vault.asked.Load()
			k.CutConnections()
			require.NoError(t, r.Forward(t.Context(), r.batch))
			assert.Greater(t, vault.asked.Load(), before)
			assert.NoError(t, r.Ping(t.Context()))

			// The vault is ahead of the broker. What is accepted meanwhile waits.
			right := vault.set("crayon")
			assert.ErrorContains(t, r.Ping(t.Context()), ` refused user "mparticle" with `+string(m)+`: `)
			k.CutConnections()
			done := make(chan error, 1)
			r.ForwardAsync(t.Context(), r.batch, func(err error) { done <- err })
			before = vault.asked.Load()
			require.Eventually(t, func() bool { return vault.asked.Load() >= before+3 }, time.Minute, 10*time.Millisecond)
			assert.Empty(t, done)
			vault.set(right)
			assert.NoError(t, <-done)
		})
	}
}

// With the stock producer PLAIN asks for each probe, and once for delivery.
func TestWithCredentials_stockProducer(t *testing.T) {
	s, vault := locked(forwardertest.NewKafka(t).SettingsFor(settings.Plain))
	r := run(t, s, forwarder.WithCredentials(vault.credentials), forwarder.WithSaramaProducer())
	assert.Equal(t, int64(2), vault.asked.Load())
	require.NoError(t, r.Ping(t.Context()))
	assert.Equal(t, int64(3), vault.asked.Load())
}

// A vault has the credentials, which can be changed.
type vault struct {
	userName string
	password atomic.Pointer[settings.Secret]
	asked    atomic.Int64
}

// locked puts the credentials of s into a vault.
func locked(s settings.Settings) (settings.Settings, *vault) {
	v := &vault{userName: s.UserName}
	v.set(s.Password.Reveal())
	s.UserName, s.Password = "", settings.Secret{}
	return s, v
}

// set returns the password there was before.
func (v *vault) set(password string) (before string) {
	secret := settings.NewSecret(password)
	if old := v.password.Swap(&secret); old != nil {
		before = old.Reveal()
	}
	return before
}

func (v *vault) credentials(context.Context) (string, settings.Secret, error) {
	v.asked.Add(1)
	return v.userName, *v.password.Load(), nil
}

// TestWithCredentials_failing: with SCRAM they are asked for while a broker
// waits for them, which has nothing to do with it when they fail.
func TestWithCredentials_failing(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := k.Settings()
	s.UserName, s.Password = "", settings.Secret{}
	for name, cause := range map[string]error{
		"of its own":         errors.New("vault is sealed"),
		"like a hang-up":     fmt.Errorf("asking the vault: %w", io.EOF),
		"like the network's": &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to the vault")},
		"like a broker's":    &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
	} {
		t.Run(name, func(t *testing.T) {
			failing := forwarder.WithCredentials(
				func(context.Context) (string, settings.Secret, error) { return "", settings.Secret{}, cause })
			err := quickly(t, func() error {
				_, err := forwarder.New(t.Context(), s, failing)
				return err
			})
			require.EqualError(t, err, "forwarder: authenticating: auth: SCRAM-SHA-512: asking for credentials: "+cause.Error())
			assert.True(t, documented(t, err.Error()), "forwarder/REFUSALS.md lists all texts")
			assert.ErrorIs(t, err, cause)
			assertDiagnosed(t.Context(), t, s, []forwarder.Option{failing}, err.Error())
			plain := s
			plain.AuthenticationMethod = settings.Plain // asked before anything is connected
			_, err = forwarder.New(t.Context(), plain, failing)
			require.Error(t, err)
			assertDiagnosed(t.Context(), t, plain, []forwarder.Option{failing}, err.Error())
		})
	}
	t.Run("by never coming", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := forwarder.New(ctx, s, forwarder.WithCredentials(
			func(context.Context) (string, settings.Secret, error) {
				<-t.Context().Done()
				return "", settings.Secret{}, errors.New("too late")
			}))
		assert.ErrorContains(t, err, s.Servers()[0]+": no credentials yet (context deadline exceeded)")
	})
}
