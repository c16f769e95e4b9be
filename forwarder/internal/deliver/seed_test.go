package deliver

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/staggered"
)

// A server that says nothing delays the others by a moment only, and is left
// alone then.
func TestDialer_seed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []string
		left := 0
		var peers []net.Conn
		d := &dialer{ctx: t.Context(), servers: []string{"b1:9093", "b2:9093", "b3:9093"}, open: map[*trackedConn]struct{}{}}
		d.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			mu.Lock()
			asked = append(asked, addr)
			mu.Unlock()
			if addr == "b1:9093" {
				<-ctx.Done()
				left++
				return nil, ctx.Err()
			}
			return pipes(&peers)(ctx, network, addr)
		}
		start := time.Now()
		one, err := d.Dial("tcp", d.seed())
		require.NoError(t, err)
		assert.Equal(t, staggered.Stagger, time.Since(start))
		assert.Equal(t, []string{"b1:9093", "b2:9093"}, asked)
		assert.Equal(t, 1, left)
		assert.Len(t, d.open, 1)

		asked = nil
		_, err = d.Dial("tcp", d.seed())
		require.NoError(t, err)
		assert.Equal(t, []string{"b3:9093"}, asked, "the next time another one")
		require.NoError(t, one.Close())
	})
}

// A broker is asked by its own address, and so is a server that is alone.
func TestDialer_notTheSeed(t *testing.T) {
	var asked []string
	d := &dialer{ctx: t.Context(), servers: []string{"b1:9093"}, open: map[*trackedConn]struct{}{}}
	d.dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		asked = append(asked, addr)
		return nil, net.ErrClosed
	}
	_, err := d.Dial("tcp", d.seed())
	assert.Equal(t, net.ErrClosed, err)
	d.servers = append(d.servers, "b2:9093")
	_, err = d.Dial("tcp", "b1:9093")
	assert.Equal(t, net.ErrClosed, err)
	assert.Equal(t, []string{"b1:9093", "b1:9093"}, asked)
	_, err = d.Dial("tcp", d.seed())
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.Len(t, asked, 4)
}

// Kerberos, and TLS of Sarama's own, need the name of the server.
func TestAsync_seedsWithNames(t *testing.T) {
	c := AsyncConfig{Servers: []string{"b1:9093", "b2:9093"}, Sarama: sarama.NewConfig()}
	a := newAsync(c)
	defer a.ended()
	assert.Equal(t, []string{"b1:9093,b2:9093"}, a.seeds(c))
	c.Sarama.Net.SASL.Enable, c.Sarama.Net.SASL.Mechanism = true, sarama.SASLTypeGSSAPI
	assert.Equal(t, c.Servers, a.seeds(c))
	c.Sarama.Net.SASL.Enable, c.Sarama.Net.TLS.Enable = false, true
	assert.Equal(t, c.Servers, a.seeds(c))
}
