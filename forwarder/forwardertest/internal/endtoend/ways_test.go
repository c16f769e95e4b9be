package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// three batches: two users, and one without, with what decoding would damage.
func three() []string {
	return []string{
		`{"events":[{"event_type":"custom_event","data":{"n":1.50,"big":12345678901234567890}}],"mpid":-7636538281262557001}`,
		`{ "mpid" : "42", "events":[{"data":{},"event_type":"screen_view"}], "x":"\u00e9<&>", "x":2 }`,
		`{"events":[{"event_type":"session_start","data":null}],"mpid":0,"ünïcode":"☃"}`,
	}
}

// carries forwards three batches through s and looks at what arrived.
func carries(t *testing.T, s settings.Settings) {
	t.Helper()
	f := start(t, s)
	require.NoError(t, f.Ping(within(t, time.Minute)))
	forward(t, f, three()...)
	messages := read(t, s)
	assert.ElementsMatch(t, three(), values(messages))
	want := map[string]any{three()[0]: "-7636538281262557001", three()[1]: "42", three()[2]: nil}
	for _, m := range messages {
		assert.Empty(t, m.Headers)
		if m.Key == nil {
			assert.Nil(t, want[string(m.Value)], "no key")
			continue
		}
		assert.Equal(t, want[string(m.Value)], string(m.Key))
	}
}

func (k target) waysIn(t *testing.T) {
	assert.Len(t, k.ways, 6)
	for way, s := range k.ways {
		t.Run(way, func(t *testing.T) {
			s.TopicName = topicName(t)
			k.create(t, s.TopicName, 3, "")
			carries(t, s)
		})
	}
}

// files: what operators mount, a password and a certificate with its key, named in JSON.
func (k target) files(t *testing.T) {
	load := func(t *testing.T, members map[string]any) settings.Settings {
		text, err := json.Marshal(members)
		require.NoError(t, err)
		s, err := settings.Parse(text)
		require.NoError(t, err)
		s.TopicName = topicName(t)
		k.create(t, s.TopicName, 3, "")
		return s
	}
	t.Run("password", func(t *testing.T) {
		for _, ending := range []string{"", "\n"} {
			s := k.ways[string(settings.SCRAMSHA256)]
			file := filepath.Join(t.TempDir(), "password")
			require.NoError(t, os.WriteFile(file, []byte(s.Password.Reveal()+ending), 0o600))
			t.Run(fmt.Sprintf("%q", ending), func(t *testing.T) {
				carries(t, load(t, map[string]any{
					"bootstrap_servers": s.Servers(), "user_name": s.UserName, "password_file": file,
					"authentication_method": s.AuthenticationMethod, "tls": map[string]any{"ca_file": s.TLS.CAFile},
				}))
			})
		}
	})
	t.Run("certificate", func(t *testing.T) {
		s := k.ways[mutualTLS]
		carries(t, load(t, map[string]any{
			"bootstrap_servers": s.BootstrapServers, "tls": map[string]any{
				"ca_file": s.TLS.CAFile, "cert_file": s.TLS.CertFile, "key_file": s.TLS.KeyFile, "min_version": "1.3",
			},
		}))
	})
}

// deadServers: one reachable server suffices, wherever it stands in the list.
func (k target) deadServers(t *testing.T) {
	var lc net.ListenConfig
	closed, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	silent, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	require.NoError(t, err)
	defer silent.Close()
	lists := map[string][]string{
		"refused":        {closed.Addr().String(), closed.Addr().String()},
		"no such host":   {"no-such-host.invalid:9093"},
		"of both sorts":  {closed.Addr().String(), "no-such-host.invalid:9093"},
		"spaces and all": {closed.Addr().String() + " ", " " + closed.Addr().String()},
	}
	if k.java == nil { // may take 10 s, until a handshake is given up: once is enough
		lists["silent"] = []string{silent.Addr().String()}
	}
	for name, dead := range lists {
		t.Run(name, func(t *testing.T) {
			s := k.settings(t, 3)
			s.BootstrapServers = strings.Join(dead, ",") + ", " + s.BootstrapServers
			began := time.Now()
			f := start(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, text := range three() {
				require.NoError(t, f.Forward(ctx, parse(t, text)))
			}
			t.Logf("after %v", time.Since(began).Round(time.Millisecond))
			live := s
			live.BootstrapServers = k.ways[string(settings.SCRAMSHA512)].BootstrapServers
			assert.ElementsMatch(t, three(), values(read(t, live)))
		})
	}
}

func (k target) compression(t *testing.T) {
	for _, c := range []settings.Compression{settings.NoCompression, settings.Gzip, settings.Snappy, settings.LZ4, settings.Zstd} {
		t.Run(string(c), func(t *testing.T) {
			s := k.settings(t, 1)
			s.Delivery.Compression = c
			carries(t, s)
		})
	}
}

// TestDocumented: a broker set up as mParticle's page says, and the page's
// settings.
func TestDocumented(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	for _, version := range []string{apachekafka.Version39, apachekafka.Version43} {
		t.Run(version, func(t *testing.T) {
			c := apachekafka.New(t, apachekafka.WithVersion(version), apachekafka.WithDocumentedSetup())
			require.NoError(t, c.CreateTopic(t.Context(), "events", 3, nil))
			s, err := settings.Parse(fmt.Appendf(nil, `{
				"bootstrap_servers": %q,
				"topic_name": "events",
				"user_name": "mparticle",
				"password": "mparticle-secret",
				"tls": {"ca_file": %q}
			}`, strings.Join(c.Servers(apachekafka.ListenerSASL), ","), c.CAFile()))
			require.NoError(t, err)
			carries(t, s)
			byJava, err := c.JavaMessages(within(t, time.Minute), "events", len(three()))
			require.NoError(t, err)
			assert.ElementsMatch(t, three(), values(byJava))
		})
	}
}
