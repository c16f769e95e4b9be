package forwardertest

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/eventferry/eventferry/settings"
)

// A KafkaOption changes what [StartKafka] starts.
type KafkaOption interface{ apply(*kafkaOptions) }

type kafkaOptionFunc func(*kafkaOptions)

func (f kafkaOptionFunc) apply(o *kafkaOptions) { f(o) }

type kafkaOptions struct {
	brokers     int
	topics      []topic
	userName    string
	password    string
	methods     []settings.Method // empty: no SASL
	plaintext   bool
	certificate []CertOption
	issuer      *CA
	clientCerts bool
	tls         func(*tls.Config)
	configs     map[string]string
	maxVersions map[Request]int16
	idleTimeout time.Duration
}

type topic struct {
	name       string
	partitions int32
}

// check finds what would make kfake panic, or be of no use.
func (o *kafkaOptions) check() error {
	if o.brokers < 1 {
		return fmt.Errorf("%d brokers: at least 1", o.brokers)
	}
	for _, t := range o.topics {
		if t.partitions < 1 {
			return fmt.Errorf("topic %q with %d partitions: at least 1", t.name, t.partitions)
		}
	}
	return nil
}

// WithBrokers sets the number of brokers, whose node ids count from 0.
// Default: 1.
func WithBrokers(n int) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.brokers = n })
}

// WithTopic adds a topic. The first one is the topic of [Kafka.Settings].
// Default: one topic, "events", with 12 partitions. Partition p is led by
// broker p modulo the number of brokers at first.
func WithTopic(name string, partitions int32) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.topics = append(o.topics, topic{name, partitions}) })
}

// WithUser sets the one user's name and password. Default: "mparticle" with a
// random password.
func WithUser(name, password string) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.userName, o.password = name, password })
}

// WithMethods sets the SASL mechanisms that brokers offer; none means TLS
// without SASL, on which every client may do everything. Default: all three.
func WithMethods(methods ...settings.Method) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.methods = methods })
}

// WithClientCertificates has brokers demand a client certificate of their own
// authority. [Kafka.Settings] name one.
func WithClientCertificates() KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.clientCerts = true })
}

// WithCertificate changes the certificate that brokers show, for testing that
// a client refuses it. Default: one for localhost, 127.0.0.1 and ::1.
func WithCertificate(opts ...CertOption) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.certificate = opts })
}

// WithIssuer has another authority issue the certificate that brokers show
// than the one that [Kafka.Settings] trust.
func WithIssuer(ca *CA) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.issuer = ca })
}

// WithTLS changes the brokers' side of TLS after everything else is set, such
// as its versions.
func WithTLS(change func(*tls.Config)) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.tls = change })
}

// WithoutTLS makes it a Kafka that a forwarder must refuse to talk to. The
// read-back does not work with it either.
func WithoutTLS() KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.plaintext = true })
}

// WithBrokerConfig sets one of Kafka's broker properties, of which few have an
// effect: message.max.bytes and connections.max.reauth.ms are among them.
func WithBrokerConfig(key, value string) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) {
		if o.configs == nil {
			o.configs = map[string]string{}
		}
		o.configs[key] = value
	})
}

// WithMaxVersion has brokers know a request up to this version only, as older
// ones do; -1 means not at all. Default: what Kafka 3.7 knows.
func WithMaxVersion(r Request, version int16) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) {
		if o.maxVersions == nil {
			o.maxVersions = map[Request]int16{}
		}
		o.maxVersions[r] = version
	})
}

// WithIdleTimeout has brokers close connections on which no request comes for
// d. [Kafka.IdleClosed] counts them. Default: they stay open.
func WithIdleTimeout(d time.Duration) KafkaOption {
	return kafkaOptionFunc(func(o *kafkaOptions) { o.idleTimeout = d })
}
