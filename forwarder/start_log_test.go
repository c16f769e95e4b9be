package forwarder

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// New that waits says so once, after a second, with the cause that is known.
func TestNew_logsThatItWaits(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	silent := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, tt := range map[string]struct {
		dial  func(ctx context.Context, network, addr string) (net.Conn, error)
		lasts time.Duration
		cause string // of the line; "": there is none
	}{
		"closed port":      {func(context.Context, string, string) (net.Conn, error) { return nil, refused }, 30 * time.Second, "no broker could be reached: check bootstrap_servers and the network: b1:9093: dial tcp: connection refused, b2:9093 alike"},
		"nothing answers":  {silent, 30 * time.Second, "no answer yet from b1:9093, b2:9093"},
		"ends in a second": {silent, 900 * time.Millisecond, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				ctx, cancel := context.WithTimeout(t.Context(), tt.lasts)
				defer cancel()
				_, err := New(ctx, settings.Settings{BootstrapServers: "b1:9093,b2:9093", TopicName: "events"},
					WithDialer(tt.dial), WithLogger(slog.New(slog.NewJSONHandler(&out, nil))))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				if tt.cause == "" {
					assert.Empty(t, out.String())
					return
				}
				require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
				var line map[string]any
				require.NoError(t, json.Unmarshal([]byte(out.String()), &line))
				delete(line, "time")
				assert.Equal(t, map[string]any{
					"level": "WARN", "msg": "not started yet: waiting for Kafka", "for": "1s", "gives_up_in": "29s", "cause": tt.cause,
				}, line)
			})
		})
	}
}

// With several topics the line names the one that is waited for.
func TestNewRoutes_logsThatItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := NewRoutes(ctx, settings.Settings{BootstrapServers: "b1:9093"}, []Route{{Topic: "events"}},
			WithDialer(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route to host") }),
			WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
		assert.Contains(t, out.String(), "topic=events")
		assert.Contains(t, out.String(), "no route to host")
	})
}

// New that waits for a function of the caller's, which gives the credentials, says
// that once, too.
func TestNew_logsThatCredentialsAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		asked := 0
		_, err := New(ctx, settings.Settings{BootstrapServers: "b1:9093", TopicName: "events", AuthenticationMethod: settings.Plain},
			WithCredentials(func(context.Context) (string, settings.Secret, error) {
				asked++
				<-ctx.Done()
				return "", settings.Secret{}, ctx.Err()
			}), WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 1, asked)
		assert.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
		assert.Contains(t, out.String(), "for=1s gives_up_in=29s")
		assert.Contains(t, out.String(), `cause="no credentials yet: the function that gives them has not returned"`)
	})
}
