package apachekafka

import (
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

type certificateFiles struct{ cert, key string }

// CA returns the cluster's authority, nil of one with [WithDocumentedSetup].
func (c *Cluster) CA() *forwardertest.CA { return c.ca }

// CAFile returns the path of the authority's certificate: tls.ca_file.
func (c *Cluster) CAFile() string { return c.caFile }

// Servers returns the addresses of all brokers for one listener.
func (c *Cluster) Servers(listener string) []string {
	servers := make([]string, len(c.brokers))
	for i, b := range c.brokers {
		servers[i] = b.address(listener)
	}
	return servers
}

// Version returns Kafka's version.
func (c *Cluster) Version() string { return c.opts.version }

// Settings reach topic with SCRAM-SHA-512, or with PLAIN where the cluster has
// nothing else ([WithDocumentedSetup]).
func (c *Cluster) Settings(topic string) settings.Settings {
	if c.opts.documented {
		return c.SettingsFor(topic, settings.Plain)
	}
	return c.SettingsFor(topic, settings.SCRAMSHA512)
}

// SettingsFor reach topic with the given method.
func (c *Cluster) SettingsFor(topic string, m settings.Method) settings.Settings {
	s := c.settings(topic, ListenerSASL)
	s.AuthenticationMethod = m
	s.UserName, s.Password = c.opts.users[0].name, settings.NewSecret(c.opts.users[0].password)
	return s
}

// SettingsTLS reach topic without SASL.
func (c *Cluster) SettingsTLS(topic string) settings.Settings {
	return c.settings(topic, ListenerTLS)
}

// SettingsMTLS reach topic without SASL, with a client certificate.
func (c *Cluster) SettingsMTLS(topic string) settings.Settings {
	s := c.settings(topic, ListenerMTLS)
	s.TLS.CertFile, s.TLS.KeyFile = c.client.cert, c.client.key
	return s
}

func (c *Cluster) settings(topic, listener string) settings.Settings {
	return settings.Settings{
		BootstrapServers: strings.Join(c.Servers(listener), ","),
		TopicName:        topic,
		TLS:              settings.TLS{CAFile: c.caFile},
	}
}
