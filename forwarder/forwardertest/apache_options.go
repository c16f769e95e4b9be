package forwardertest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

// Versions of Apache Kafka that eventferry is tested with: the last with
// ZooKeeper behind it, run without, and the current one.
const (
	Apache39 = "3.9.2"
	Apache43 = "4.3.1"
)

// The listeners that each broker has, by Kafka's name for them. Internal is
// plaintext on loopback, for the brokers themselves and for [ApacheCluster.Admin];
// to a forwarder it is the listener that it must refuse.
const (
	ListenerSASL     = "SASL_SSL"
	ListenerTLS      = "SSL"
	ListenerMTLS     = "MTLS" // SSL with ssl.client.auth=required
	ListenerInternal = "INTERNAL"
)

const listenerController = "CONTROLLER"

// An ApacheOption changes what [ApacheKafka] starts.
type ApacheOption interface{ apply(*apacheOptions) }

type apacheOptionFunc func(*apacheOptions)

func (f apacheOptionFunc) apply(o *apacheOptions) { f(o) }

type apacheOptions struct {
	version    string
	brokers    int
	users      []apacheUser
	listeners  []ApacheListener
	properties properties
	acls       bool
	security   properties // of Java
	documented bool
	fast       bool
	ports      func(ctx context.Context, n int) ([]int, error)
}

type apacheUser struct {
	name, password string
	methods        []settings.Method
}

func (u apacheUser) has(m settings.Method) bool { return slices.Contains(u.methods, m) }

// An ApacheListener is one more way into each broker. Clients are given its
// address by [ApacheCluster.Servers] with its name.
type ApacheListener struct {
	// Kafka's name of the listener, upper case.
	Name string
	// PLAINTEXT, SSL or SASL_SSL. Empty: SASL_SSL.
	Protocol string
	// The server's certificate. The zero value: that of the other listeners.
	Certificate Certificate
	// The address that brokers tell clients to use for this listener. Empty:
	// the one at which it listens.
	Advertised string
	// Further properties by Kafka's names without the listener's prefix, such
	// as ssl.enabled.protocols or sasl.enabled.mechanisms.
	Properties map[string]string
}

// ApacheVersion chooses the version. Default: [Apache43].
func ApacheVersion(version string) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.version = version })
}

// ApacheBrokers sets the number of brokers: 1, or 3 with topics on all of them
// and min.insync.replicas=2. Their node ids count from 1. Default: 1.
func ApacheBrokers(n int) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.brokers = n })
}

// ApacheUser adds a user to the one that [ApacheCluster.Settings] have. It has
// a password for these methods only.
func ApacheUser(name, password string, methods ...settings.Method) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) {
		o.users = append(o.users, apacheUser{name, password, methods})
	})
}

// ApacheWithListener adds a listener to each broker.
func ApacheWithListener(l ApacheListener) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.listeners = append(o.listeners, l) })
}

// ApacheProperty sets one of the brokers' properties; it wins over what the
// launcher sets.
func ApacheProperty(key, value string) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.properties.set(key, value) })
}

// ApacheJavaSecurity sets one of the security properties of the brokers' Java,
// such as jdk.tls.disabledAlgorithms: what that names, a listener's
// ssl.enabled.protocols cannot bring back.
func ApacheJavaSecurity(key, value string) ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.security.set(key, value) })
}

// ApacheACLs has the brokers authorize. The user of [ApacheCluster.Settings]
// may do everything, and so may clients without SASL or a client certificate.
// Users of [ApacheUser] may do nothing until [ApacheCluster.Grant].
func ApacheACLs() ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.acls = true })
}

// ApacheFast lets Java compile the brokers as well as it can, for measuring
// clients: after half a minute under load they are several times as fast as
// usual, above all with TLS, and until then slower. Usually they save that time.
func ApacheFast() ApacheOption {
	return apacheOptionFunc(func(o *apacheOptions) { o.fast = true })
}

// properties are lines of a Java properties file, in which the last of equal
// keys wins.
type properties []string

func (p *properties) set(key, value string) {
	*p = append(*p, key+"="+strings.ReplaceAll(value, `\`, `\\`))
}

func (p *properties) setf(key, format string, args ...any) { p.set(key, fmt.Sprintf(format, args...)) }

func (p properties) text() []byte { return []byte(strings.Join(p, "\n") + "\n") }
