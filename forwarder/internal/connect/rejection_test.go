package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestExplainDelivery(t *testing.T) {
	p := probeOf(t, somewhere, Options{})
	denied := sarama.ErrTopicAuthorizationFailed
	assert.Equal(t, error(denied), p.ExplainDelivery(denied), "nothing is known yet")
	_, err := p.Config(t.Context())
	require.NoError(t, err)

	err = p.ExplainDelivery(denied)
	assert.EqualError(t, err, `the brokers do not let a client without user name write to topic "events": grant it the operation WRITE: `+denied.Error())
	assert.ErrorIs(t, err, denied)
	err = p.ExplainDelivery(sarama.ErrClusterAuthorizationFailed)
	assert.EqualError(t, err, `the brokers do not let a client without user name write idempotently: grant it the operation WRITE on topic "events", `+
		`and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster: `+sarama.ErrClusterAuthorizationFailed.Error())
	assert.Equal(t, io.EOF, p.ExplainDelivery(io.EOF))
	assert.NoError(t, p.ExplainDelivery(nil))
}

// One advice is enough: a deadline's error holds the cause of its wait, which is
// explained already.
func TestExplainDelivery_once(t *testing.T) {
	p := explaining(t, settings.Settings{})
	for _, code := range []sarama.KError{sarama.ErrTopicAuthorizationFailed, sarama.ErrMessageSizeTooLarge} {
		once := fmt.Errorf("%w: delivery waits: %w", context.DeadlineExceeded, p.ExplainDelivery(code))
		assert.Equal(t, once, p.ExplainDelivery(once))
	}
}

// What a broker adds to its answers may hold messages and credentials.
func TestExplainDelivery_foreignText(t *testing.T) {
	p := explaining(t, settings.Settings{})
	err := p.ExplainDelivery(fmt.Errorf("connecting: %w", sarama.Wrap(sarama.ErrSASLAuthenticationFailed, errors.New("pencil"))))
	assert.NotContains(t, err.Error(), "pencil")
	assert.ErrorIs(t, err, sarama.ErrSASLAuthenticationFailed)
}

// TestExplainDelivery_oneLine: whatever is in an error, nothing of it breaks a line.
func TestExplainDelivery_oneLine(t *testing.T) {
	p := explaining(t, settings.Settings{})
	for _, text := range []string{"a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\u202eb", "a\x00\xffb"} {
		cause := errors.New(text)
		for _, err := range []error{cause, fmt.Errorf("%w: %w", sarama.ErrMessageSizeTooLarge, cause)} {
			err = p.ExplainDelivery(err)
			assert.ErrorIs(t, err, cause)
			assert.Equal(t, -1, strings.IndexFunc(err.Error(), func(r rune) bool { return unicode.IsControl(r) || !unicode.IsPrint(r) }), "%q", err)
		}
	}
	assert.EqualError(t, p.ExplainDelivery(errors.New("b1\nb2 refused")), `b1\nb2 refused`)
}

func TestExplainDelivery_codecs(t *testing.T) {
	for _, code := range []sarama.KError{sarama.ErrUnsupportedForMessageFormat, sarama.ErrUnsupportedCompressionType} {
		err := explaining(t, settings.Settings{}).ExplainDelivery(code)
		assert.EqualError(t, err, `the brokers do not take zstd on topic "events": set delivery.compression to none or gzip: `+code.Error())
		assert.True(t, isRefusal(err), "a setting mends it")
		plain := settings.Settings{Delivery: settings.Delivery{Compression: settings.NoCompression}}
		err = explaining(t, plain).ExplainDelivery(code)
		assert.ErrorContains(t, err, "message.format.version")
		assert.NotContains(t, err.Error(), "delivery.compression")
	}
	assert.ErrorContains(t, explaining(t, settings.Settings{}).ExplainDelivery(sarama.ErrUnknown), "set delivery.compression to none or gzip")
	plain := settings.Settings{Delivery: settings.Delivery{Compression: settings.NoCompression}}
	assert.NotContains(t, explaining(t, plain).ExplainDelivery(sarama.ErrUnknown).Error(), "delivery.compression")
}

// explaining is a probe that has been used.
func explaining(t *testing.T, s settings.Settings) *Probe {
	t.Helper()
	s.BootstrapServers, s.TopicName = "b1:9093", "events"
	p, err := New(s.WithDefaults(), Options{})
	require.NoError(t, err)
	_, err = p.Config(t.Context())
	require.NoError(t, err)
	return p
}

func TestKnownText(t *testing.T) {
	for _, text := range []string{
		"Authentication failed: Invalid username or password",
		"Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
		`{"status":"invalid_token"}`,
		"Timestamp 1796000000000 of message with offset 0 is out of range. The timestamp should be within [1795000000000, 1795900000000]",
		"One or more records have been rejected",
		"One or more records have been rejected due to 1 record errors in total",
		"One or more records have been rejected due to invalid timestamp",
		"Compacted topic cannot accept message without key in topic partition events-0.",
	} {
		assert.Equal(t, text, KnownText(text))
		for _, more := range []string{text + " pencil", "pencil " + text, text + "\n", "\n" + text} {
			assert.Empty(t, KnownText(more))
		}
	}
	assert.Empty(t, KnownText(""))
	assert.Empty(t, KnownText("One or more records have been rejected due to pencil"))
}

// FuzzKnownText: no text passes that could hold a password.
func FuzzKnownText(f *testing.F) {
	f.Add("Authentication failed: Invalid username or password", "pencil")
	f.Fuzz(func(t *testing.T, text, secret string) {
		known := KnownText(text + secret)
		if known == "" {
			return
		}
		if known != text+secret || !knownTexts.MatchString(known) || strings.ContainsAny(known, "\n\r") {
			t.Fatalf("%q", known)
		}
	})
}
