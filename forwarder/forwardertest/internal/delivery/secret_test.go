package delivery

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/reachable"
	"github.com/eventferry/eventferry/settings"
)

// Nothing that prints by reflection finds a password or a byte of a batch: testify's
// diffs and others like it follow pointers and unexported fields without calling
// methods.
func TestSecret_outOfReach(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, with := range map[string]func(settings.Settings) (settings.Settings, []forwarder.Option){
			"settings": func(s settings.Settings) (settings.Settings, []forwarder.Option) { return s, nil },
			"credentials": func(s settings.Settings) (settings.Settings, []forwarder.Option) {
				userName, password := s.UserName, s.Password
				s.UserName, s.Password = "", settings.Secret{}
				return s, []forwarder.Option{forwarder.WithCredentials(func(context.Context) (string, settings.Secret, error) {
					return userName, password, nil
				})}
			},
			"authenticator": func(s settings.Settings) (settings.Settings, []forwarder.Option) {
				var a auth.Authenticator = auth.Plain{UserName: s.UserName, Password: s.Password}
				if s.AuthenticationMethod == settings.SCRAMSHA512 {
					a = &auth.SCRAM{UserName: s.UserName, Password: s.Password, Hash: auth.SHA512}
				}
				s.UserName, s.Password = "", settings.Secret{}
				return s, []forwarder.Option{forwarder.WithAuthenticator(a)}
			},
		} {
			for _, m := range []settings.Method{settings.Plain, settings.SCRAMSHA512} {
				t.Run(name+" "+string(m), func(t *testing.T) {
					t.Parallel()
					k := forwardertest.NewKafka(t)
					password := k.Settings().Password.Reveal()
					s, opts := with(k.SettingsFor(m))
					f := p.start(t, s, opts...)
					require.NoError(t, f.Forward(within(t, time.Minute), secretBatch(t)))
					hidden(t, password, s, "settings")
					hidden(t, password, f, "forwarder")

					withheld := k.WithholdAnswers(forwardertest.Produce, forwardertest.UntilStopped)
					defer withheld.Stop()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					result := make(chan error, 1)
					f.ForwardAsync(ctx, secretBatch(t), func(err error) { result <- err })
					require.NoError(t, withheld.Wait(within(t, time.Minute), 1))
					hidden(t, password, f, "forwarder with a message on its way")
					cancel()
					err := <-result
					require.Error(t, err)
					hidden(t, password, err, "error")
					require.NoError(t, f.Close())
					hidden(t, password, err, "error of a forwarder that was closed then")
					hidden(t, password, f, "closed forwarder")
				})
			}
		}
	})
}

// payload is in secretBatch.
const payload = "a-byte-of-a-batch"

func secretBatch(t *testing.T) *batch.Batch {
	t.Helper()
	b, err := batch.Parse([]byte(`{"mpid":7,"events":[{"event_type":"custom_event","data":{"event_name":"` + payload + `"}}]}`))
	require.NoError(t, err)
	return b
}

// hidden asserts that neither the password nor the payload can be seen in v. Package
// fmt prints bytes as numbers, too.
func hidden(t *testing.T, password string, v any, what string) {
	t.Helper()
	shown := map[string]string{"in fmt": fmt.Sprintf("%v %+v %#v", v, v, v)}
	for _, secret := range []string{password, payload} {
		numbers := strings.Trim(fmt.Sprint([]byte(secret)), "[]")
		if !racing { // others write to it meanwhile, as they would while it is printed
			assert.Empty(t, reachable.Text(v, secret), "%s: the way to it", what)
			var printed recorder
			assert.Equal(&printed, v, reflect.Zero(reflect.TypeOf(v)).Interface())
			shown["in a diff of testify's"] = printed.String()
		}
		for where, text := range shown {
			assert.False(t, strings.Contains(text, secret) || strings.Contains(text, numbers), "%s, %s", what, where)
		}
	}
}

// The check sees what can be printed.
func TestSecret_control(t *testing.T) {
	b := secretBatch(t)
	assert.NotEmpty(t, reachable.Text(b, payload))
	assert.Empty(t, reachable.Text(func() any { return b }, payload))
}

// A recorder is the T of a test that is to fail.
type recorder struct{ strings.Builder }

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(r, format, args...) }
