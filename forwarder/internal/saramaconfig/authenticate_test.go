package saramaconfig

import (
	"errors"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/settings"
)

// Of what an authenticator does, Net.SASL counts, and nothing else.
func TestConfig_authenticator(t *testing.T) {
	hostile := auth.AuthenticatorFunc(func(cfg *sarama.Config) error {
		assert.True(t, cfg.Net.TLS.Enable, "an authenticator may insist on TLS")
		sasl := cfg.Net.SASL
		*cfg = sarama.Config{}
		cfg.Net.SASL = sasl
		cfg.Net.SASL.Enable = true
		cfg.Net.SASL.User, cfg.Net.SASL.Password = "u", "p"
		cfg.Net.SASL.Version = sarama.SASLHandshakeV1
		cfg.Net.MaxOpenRequests = 5
		cfg.Producer.RequiredAcks = sarama.NoResponse
		cfg.Producer.Idempotent = false
		cfg.Metadata.AllowAutoTopicCreation = true
		cfg.Version = sarama.V0_8_2_0
		return nil
	})
	cfg := configured(t, settings.Settings{}, hostile)
	assertNeverLoses(t, cfg)
	assert.Equal(t, "u", cfg.Net.SASL.User)
	assert.Equal(t, sarama.V3_7_0_0, cfg.Version)

	plain := configured(t, settings.Settings{}, nil)
	cfg.Net.SASL = plain.Net.SASL
	assert.Equal(t, fields(plain), fields(cfg))
}

// fields is cfg without what is never equal.
func fields(cfg *sarama.Config) sarama.Config {
	c := *cfg
	c.Net.Proxy.Dialer, c.MetricRegistry = nil, nil
	c.Metadata.Retry.BackoffFunc, c.Producer.Retry.BackoffFunc = nil, nil
	c.Producer.Partitioner = nil
	c.Consumer.Group.Rebalance.GroupStrategies = nil
	return c
}

func TestConfig_authenticatorFails(t *testing.T) {
	sealed := errors.New("vault is sealed")
	_, err := Config(settings.Settings{}.WithDefaults(), noDialer{}, auth.AuthenticatorFunc(func(*sarama.Config) error { return sealed }))
	assert.ErrorIs(t, err, sealed)
	assert.EqualError(t, err, "authenticating: vault is sealed")
}
