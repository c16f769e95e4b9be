package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/machineload"
	"github.com/eventferry/eventferry/settings"
)

// margin is how long after its deadline a probe may return on a machine at rest.
const margin = 50 * time.Millisecond

// TestProbe_unreachable: whatever servers do, the probe tries until its
// deadline and returns then, saying what each server did.
func TestProbe_unreachable(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	certified := &tls.Config{Certificates: []tls.Certificate{ca.issue("broker", nil)}}
	const allOf = "no broker could be reached: check bootstrap_servers and the network: "

	tests := map[string]struct {
		servers func(*testing.T) []string
		options Options
		want    string // A and B stand for the addresses
		is      error
	}{
		"no listener": {
			servers: func(t *testing.T) []string { return []string{closedPort(t)} },
			want:    allOf + "A: dial tcp A: connect: connection refused (context deadline exceeded)",
			is:      syscall.ECONNREFUSED,
		},
		"accepting, silent": {
			servers: func(t *testing.T) []string { return []string{serve(t, silent)} },
			want:    allOf + "A: no answer to the TLS handshake: has the listener reached its max.connections? (context deadline exceeded)",
		},
		"silent after the handshake": {
			servers: func(t *testing.T) []string { return []string{serveTLS(t, certified)} },
			want:    allOf + "A: " + unanswered + " (context deadline exceeded)",
		},
		"two in two ways": {
			servers: func(t *testing.T) []string { return []string{closedPort(t), serve(t, silent)} },
			want: allOf + "A: dial tcp A: connect: connection refused; " +
				"B: no answer to the TLS handshake: has the listener reached its max.connections? (context deadline exceeded)",
		},
		"dialer that heeds nothing": {
			servers: func(*testing.T) []string { return []string{"b1:9093"} },
			options: Options{Dial: func(context.Context, string, string) (net.Conn, error) {
				<-t.Context().Done() // of the test as a whole
				return nil, errors.New("too late")
			}},
			want: allOf + "A: no connection (context deadline exceeded)",
		},
		"dialer without a connection": {
			servers: func(*testing.T) []string { return []string{"b1:9093"} },
			options: Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }},
			want:    allOf + "A: the dialer returned no connection (context deadline exceeded)",
		},
		"credentials that heed nothing": {
			servers: func(*testing.T) []string { return []string{"b1:9093"} },
			options: Options{Credentials: func(context.Context) (string, settings.Secret, error) {
				<-t.Context().Done()
				return "", settings.Secret{}, errors.New("too late")
			}},
			want: "no credentials yet: context deadline exceeded",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := tt.servers(t)
			p, err := New(settings.Settings{
				BootstrapServers: strings.Join(servers, ","),
				TopicName:        "events",
				UserName:         "mparticle",
				Password:         settings.NewSecret("pencil"),
				TLS:              settings.TLS{CAFile: ca.file},
			}.WithDefaults(), tt.options)
			require.NoError(t, err)
			want := strings.ReplaceAll(tt.want, "A:", servers[0]+":")
			if len(servers) > 1 {
				want = strings.ReplaceAll(want, "B:", servers[1]+":")
			}
			err = untilDeadline(t, p, want)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.False(t, isRefusal(err))
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
		})
	}
}

// untilDeadline runs p until a deadline, and requires that it tries until then,
// that it comes back then, and that its error is want: what a machine that is
// busy does not reach by one deadline, it reaches by a later one.
func untilDeadline(t *testing.T, p *Probe, want string) (err error) {
	t.Helper()
	for limit := 700 * time.Millisecond; ; limit *= 2 {
		start := time.Now()
		deadline := start.Add(limit)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		err = p.Run(ctx)
		late := time.Since(deadline)
		cancel()
		require.Positive(t, late, "it must try until the end")
		allowed := machine.Allow(margin, start)
		if err != nil && err.Error() == want && late < allowed {
			return err
		}
		if limit > 5*time.Second {
			require.EqualError(t, err, want)
			require.Less(t, late, allowed)
		}
	}
}

// quickly asserts that do takes less than a second on a machine at rest.
func quickly(t *testing.T, do func() error) (err error) {
	t.Helper()
	assert.True(t, machine.InTime(time.Second, func() { err = do() }), "more than a second")
	return err
}

// machine says what a busy machine is allowed.
var machine = machineload.Watch()

func TestMain(m *testing.M) {
	m.Run()
	machine.Stop()
}

// TestProbe_refusalBehindDeadServers: servers that do not answer do not keep a
// refusal waiting, wherever they stand in the list.
func TestProbe_refusalBehindDeadServers(t *testing.T) {
	ca, other := newAuthority(t, "Our CA"), newAuthority(t, "Other CA")
	refusing := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{other.issue("broker", nil)}})
	dead := []string{serve(t, silent), closedPort(t), serve(t, silent)}
	for place := range len(dead) + 1 {
		servers := append(append(append([]string(nil), dead[:place]...), refusing), dead[place:]...)
		var err error
		assert.True(t, machine.InTime(attemptTimeout/4, func() { err = probing(t, ca, nil, servers...).Run(t.Context()) }), "it waits for the dead ones")
		assert.ErrorContains(t, err, "certificate of "+refusing)
	}
}

// TestProbe_passingHangUp: one closed connection is no refusal yet, as a proxy
// closes connections while the broker behind it restarts.
func TestProbe_passingHangUp(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	accepted := make(chan struct{}, 1)
	accepted <- struct{}{}
	server := serve(t, func(c net.Conn) {
		select {
		case <-accepted:
			c.Close()
		default:
			silent(c)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	err := probing(t, ca, nil, server).Run(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.True(t, isHangUp(err))
	assert.False(t, isRefusal(err))
}

// TestProbe_cancelled: the error has the cause of a cancelled context.
func TestProbe_cancelled(t *testing.T) {
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	err := probing(t, newAuthority(t, "Our CA"), nil, closedPort(t)).Run(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, cause)
}

// TestProbe_leavesNothing: neither goroutines nor connections remain of probes
// that their context ended, whatever they were waiting for.
func TestProbe_leavesNothing(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	tc := &tls.Config{Certificates: []tls.Certificate{ca.issue("broker", nil)}}
	p := probing(t, ca, nil, serveTLS(t, tc), serve(t, silent), closedPort(t))
	try := func(limit time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		require.Error(t, p.Run(ctx))
		p.Diagnose(ctx)
	}
	try(time.Second) // Sarama's metrics start one goroutine for the process
	const asking = 2 // that Eventually has
	before := runtime.NumGoroutine() + asking
	for range 20 {
		try(100 * time.Millisecond)
	}
	// The servers' own goroutines end with the connections.
	if !assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, time.Minute, 10*time.Millisecond) {
		var stacks strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		t.Log(before, stacks.String())
	}
}

// unanswered is the text for a server that says nothing inside TLS.
const unanswered = "no answer to the first request: a broker that hangs, a proxy without one behind it, or a server of another kind"
