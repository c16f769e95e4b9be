package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A rotation replaces a credential of a running forwarder, and on the brokers.
type rotation struct {
	kafka    *forwardertest.Kafka
	settings settings.Settings

	// replace does it. Connections that are opened afterwards pass only with the new
	// credential.
	replace func(t *testing.T)

	// unchanging are options of a forwarder that reads nothing again.
	unchanging func(t *testing.T) (settings.Settings, []forwarder.Option)

	refusal string // what such a forwarder is told
}

var rotations = map[string]func(t *testing.T) rotation{
	"authority of the brokers": newAuthorityRotation,
	"client certificate":       newClientRotation,
	"password":                 newPasswordRotation,
}

// Files that are replaced under load are used by the next connection: nothing is
// lost, doubled or overtaken, and no call fails.
func TestRotation(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, start := range rotations {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := start(t)
				var told log
				f := p.start(t, r.settings, told.option())
				w := startLoad(t, f)
				w.awaitMore(t, 60)
				r.replace(t)
				for range 2 {
					r.kafka.CutConnections()
					w.awaitMore(t, 60)
				}
				w.stop()
				assert.Equal(t, 1, strings.Count(told.text(), "files have changed"), told.text())
				assert.Equal(t, tally{acknowledged: len(w.entries)}, w.check(t, r.kafka, 12))
			})
		}
	})
}

// A forwarder that reads nothing again delivers nothing after its connections are
// closed, and says why: so the rotations are none that old credentials survive.
func TestRotation_control(t *testing.T) {
	for name, start := range rotations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			causes := make(chan string, 100)
			s, options := r.unchanging(t)
			f := engine.start(t, s, append(options, forwarder.WithObserver(forwarder.Observer{
				Waiting: func(_ context.Context, i forwarder.WaitInfo) { causes <- i.Cause.Error() },
			}))...)
			var l ledger
			l.send(t.Context(), t, f, 1, 100)
			l.waiting.Wait()
			r.replace(t)
			r.kafka.CutConnections()
			ctx, cancel := context.WithCancel(t.Context())
			l.send(ctx, t, f, 1, 100)
			awaitCause(t, causes, r.refusal)
			cancel()
			l.waiting.Wait()
			assert.Equal(t, 1, l.check(t, r.kafka, 12).acknowledged)
		})
	}
}

// A certificate whose key is not there yet is not used: the old pair goes on.
func TestRotation_halfWritten(t *testing.T) {
	r := newClientRotation(t)
	files := r.settings.TLS
	var told log
	f := engine.start(t, r.settings, told.option())
	w := startLoad(t, f)
	w.awaitMore(t, 30)
	other, err := r.kafka.CA().IssueClient("half written")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files.CertFile, other.CertPEM, 0o600))
	for range 2 {
		r.kafka.CutConnections()
		w.awaitMore(t, 60)
	}
	assert.Equal(t, 1, strings.Count(told.text(), "cannot be used"), told.text())
	assert.Contains(t, told.text(), files.CertFile)
	r.replace(t)
	r.kafka.CutConnections()
	w.awaitMore(t, 60)
	w.stop()
	assert.Equal(t, 1, strings.Count(told.text(), "use their new content"), told.text())
	assert.Equal(t, tally{acknowledged: len(w.entries)}, w.check(t, r.kafka, 12))
}

// A password that is wrong at first is read again until it is right, by PLAIN, too.
func TestRotation_passwordCorrected(t *testing.T) {
	for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA256} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			k := forwardertest.NewKafka(t)
			s := k.SettingsFor(m)
			right := s.Password.Reveal()
			s.Password, s.PasswordFile = settings.Secret{}, filepath.Join(t.TempDir(), "password")
			require.NoError(t, os.WriteFile(s.PasswordFile, []byte("crayon\n"), 0o600))
			causes := make(chan string, 100)
			f := engine.start(t, s, forwarder.WithoutProbe(), forwarder.WithObserver(forwarder.Observer{
				Waiting: func(_ context.Context, i forwarder.WaitInfo) { causes <- i.Cause.Error() },
			}))
			var l ledger
			l.send(t.Context(), t, f, 1, 100)
			awaitCause(t, causes, `wrong password (file "`+s.PasswordFile+`")`)
			require.NoError(t, os.WriteFile(s.PasswordFile, []byte(right+"\n"), 0o600))
			l.waiting.Wait()
			assert.Equal(t, tally{acknowledged: 1}, l.check(t, k, 12))
		})
	}
}

// newAuthorityRotation has brokers whose certificate another authority issues from
// the rotation on.
func newAuthorityRotation(t *testing.T) rotation {
	t.Helper()
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	cert, err := other.IssueServer()
	require.NoError(t, err)
	pair, err := cert.TLS()
	require.NoError(t, err)
	var next atomic.Pointer[tls.Config]
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithTLS(func(tc *tls.Config) {
		tc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return next.Load(), nil }
	}))
	return rotation{
		kafka: k, settings: k.Settings(),
		replace: func(t *testing.T) {
			next.Store(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
			require.NoError(t, os.WriteFile(k.Settings().TLS.CAFile, other.PEM(), 0o600))
		},
		unchanging: unchangingTLS(k.Settings()),
		refusal:    "is signed by an authority that is not trusted",
	}
}

// newClientRotation has brokers that trust another authority for clients from the
// rotation on.
func newClientRotation(t *testing.T) rotation {
	t.Helper()
	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	cert, err := other.IssueClient("renewed")
	require.NoError(t, err)
	var trusted atomic.Pointer[x509.CertPool]
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithClientCertificates(),
		forwardertest.WithTLS(func(tc *tls.Config) {
			tc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				now := tc.Clone()
				now.GetConfigForClient = nil
				if pool := trusted.Load(); pool != nil {
					now.ClientCAs = pool
				}
				return now, nil
			}
		}))
	files := k.Settings().TLS
	return rotation{
		kafka: k, settings: k.Settings(),
		replace: func(t *testing.T) {
			trusted.Store(other.Pool())
			require.NoError(t, os.WriteFile(files.CertFile, cert.CertPEM, 0o600))
			require.NoError(t, os.WriteFile(files.KeyFile, cert.KeyPEM, 0o600))
		},
		unchanging: unchangingTLS(k.Settings()),
		refusal:    `refused the client certificate ("CN=mparticle")`,
	}
}

// unchangingTLS reads the files of s when it is called, and never again.
func unchangingTLS(s settings.Settings) func(*testing.T) (settings.Settings, []forwarder.Option) {
	return func(t *testing.T) (settings.Settings, []forwarder.Option) {
		tc, err := s.TLS.Config()
		require.NoError(t, err)
		s.TLS = settings.TLS{}
		return s, []forwarder.Option{forwarder.WithTLS(tc)}
	}
}

// newPasswordRotation has brokers that know another password of the user from the
// rotation on.
func newPasswordRotation(t *testing.T) rotation {
	t.Helper()
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
	s := k.Settings()
	first := s.Password
	s.Password, s.PasswordFile = settings.Secret{}, filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(s.PasswordFile, []byte(first.Reveal()), 0o600))
	return rotation{
		kafka: k, settings: s,
		replace: func(t *testing.T) {
			require.NoError(t, k.SetPassword(within(t, time.Minute), "crayon"))
			require.NoError(t, os.WriteFile(s.PasswordFile, []byte("crayon\n"), 0o600))
		},
		unchanging: func(*testing.T) (settings.Settings, []forwarder.Option) {
			userName, unchanged := s.UserName, s
			unchanged.UserName, unchanged.PasswordFile = "", ""
			return unchanged, []forwarder.Option{forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) {
				return userName, first, nil
			})}
		},
		refusal: "wrong password",
	}
}

// awaitCause waits until delivery waits for a cause with this text.
func awaitCause(t *testing.T, causes <-chan string, text string) {
	t.Helper()
	ctx := within(t, time.Minute)
	for {
		select {
		case cause := <-causes:
			if strings.Contains(cause, text) {
				return
			}
			t.Log(cause)
		case <-ctx.Done():
			require.FailNow(t, "delivery does not wait for: "+text)
		}
	}
}

// A load forwards batches of several users until it is stopped. Each user's
// goroutine waits for one batch before it forwards the next.
type load struct {
	ledger
	acknowledged atomic.Int64
	work         sync.WaitGroup
	stop         func()
}

func startLoad(t *testing.T, f *forwarder.Forwarder) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &load{}
	w.random = true
	w.stop = func() {
		cancel()
		w.work.Wait()
	}
	for user := range int64(36) { // they are in all of 12 partitions, so that each broker has some
		w.work.Go(func() {
			for ctx.Err() == nil {
				<-time.After(100 * time.Millisecond)   // the ledger keeps them all
				e, b := w.make(t, user+1, carried*3/2) // one makes a connection that mark looks for
				err := f.Forward(t.Context(), b)
				w.note(e, err)
				if !assert.NoError(t, err) {
					return
				}
				w.acknowledged.Add(1)
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// awaitMore waits until so many more batches are acknowledged.
func (w *load) awaitMore(t *testing.T, n int64) {
	t.Helper()
	n += w.acknowledged.Load()
	require.Eventually(t, func() bool { return w.acknowledged.Load() >= n }, time.Minute, time.Millisecond)
}
