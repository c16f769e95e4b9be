package delivery

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
	engines "github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/settings"
)

// apacheWrap: brokers count the messages of a partition with 31 bits. A
// partition that begins near the end of them goes on with 0, in the middle of a
// record batch or between two, also when the answer to such a one is lost.
func apacheWrap(t *testing.T, k *apachekafka.Cluster) {
	const messages, before = 400, 150
	for name, deliverAll := range map[string]func(*wrapping){
		"together": func(w *wrapping) {
			for i := range messages {
				w.submit(i)
			}
		},
		"one by one": func(w *wrapping) {
			for i := range messages {
				w.submit(i)
				w.await(i + 1)
			}
		},
		"with lost connections": func(w *wrapping) {
			for i := range messages {
				w.submit(i)
				if i%7 == 0 { // answers may be on their way
					w.dialer.cut()
				}
				if i%50 == 0 {
					w.await(i + 1)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWrapping(t, k, 1<<31-before)
			deliverAll(w)
			w.await(messages)
			got := k.Messages(t, w.topic)
			require.Len(t, got, messages)
			for i, m := range got {
				require.Equal(t, strconv.Itoa(i), string(m.Value))
			}
		})
	}
}

// wrapping is an engine of which the first sequence number is known.
type wrapping struct {
	t      *testing.T
	topic  string
	engine *engines.Engine
	dialer *cutter
	acks   *acks
}

func startWrapping(t *testing.T, k *apachekafka.Cluster, first int32) *wrapping {
	t.Helper()
	w := &wrapping{t: t, topic: fmt.Sprintf("wrap-%d", time.Now().UnixNano()), acks: &acks{t: t}}
	require.NoError(t, k.CreateTopic(within(t, time.Minute), w.topic, 1, nil))
	w.engine, w.dialer = startEngine(t, k.Settings(w.topic), first)
	return w
}

func (w *wrapping) submit(i int) {
	w.engine.Submit(&producer.Group{
		Messages: []producer.Message{{Key: []byte("key"), Value: strconv.AppendInt(nil, int64(i), 10)}},
		Owner:    w.acks,
	})
}

func (w *wrapping) await(n int) {
	require.Eventually(w.t, func() bool { return w.acks.ok.Load() == int64(n) }, time.Minute, time.Millisecond)
}

// startEngine starts one without a forwarder.
func startEngine(t *testing.T, s settings.Settings, first int32) (*engines.Engine, *cutter) {
	t.Helper()
	s = s.WithDefaults()
	tc, err := s.TLS.Config()
	require.NoError(t, err)
	d := &cutter{Dialer: tls.Dialer{Config: tc}}
	cfg, err := saramaconfig.Config(s, d, &auth.SCRAM{UserName: s.UserName, Password: s.Password})
	require.NoError(t, err)
	e, err := engines.New(engines.Config{Servers: s.Servers(), Topic: s.TopicName, Sarama: cfg, FirstSequence: first})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e, d
}

// A cutter remembers connections, to cut them.
type cutter struct {
	tls.Dialer
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cutter) Dial(network, addr string) (net.Conn, error) {
	return c.DialContext(context.Background(), network, addr)
}

func (c *cutter) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.Dialer.DialContext(ctx, network, addr)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = connect.Raw(conn).Close()
	}
	c.conns = nil
}

func TestEngine_firstSequence(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 1))
	e, d := startEngine(t, k.Settings(), 1<<20)
	w := &wrapping{t: t, engine: e, dialer: d, acks: &acks{t: t}}
	for i := range 100 {
		w.submit(i)
		if i%9 == 0 {
			d.cut()
		}
	}
	w.await(100)
	assert.Len(t, k.Messages(t, "events"), 100)
}
