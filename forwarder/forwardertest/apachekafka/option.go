package apachekafka

import (
	"context"
	"slices"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// Versions of Apache Kafka that eventferry is tested with.
const (
	Version28 = "2.8.2" // with ZooKeeper
	Version35 = "3.5.2"
	Version39 = "3.9.2" // the last of 3
	Version43 = "4.3.1"
)

// The listeners that each broker has, by Kafka's name for them. Internal is
// plaintext on loopback, for the brokers themselves and for [Cluster.InternalClient];
// to a forwarder it is the listener that it must refuse.
const (
	ListenerSASL     = "SASL_SSL"
	ListenerTLS      = "SSL"
	ListenerMTLS     = "MTLS" // SSL with ssl.client.auth=required
	ListenerInternal = "INTERNAL"
)

const listenerController = "CONTROLLER"

// An Option changes what [New] and [Start] start.
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	version       string
	brokers       int
	users         []user
	listeners     []Listener
	properties    properties
	acls          bool
	oneController bool       // a controller is on the first broker only
	security      properties // of Java
	system        []string   // properties of Java, as flags
	classes       []javaClass
	documented    bool
	fullJIT       bool
	ports         func(ctx context.Context, b *portBlock, n int) ([]int, error)
}

type user struct {
	name, password string
	methods        []settings.Method
}

func (u user) has(m settings.Method) bool { return slices.Contains(u.methods, m) }

// A Listener is one more way into each broker. [Cluster.Servers] returns its
// addresses.
type Listener struct {
	// Kafka's name of the listener, upper case.
	Name string
	// PLAINTEXT, SSL or SASL_SSL. Empty: SASL_SSL.
	Protocol string
	// The server's certificate. The zero value: that of the other listeners.
	Certificate forwardertest.Certificate
	// The address that brokers tell clients to use for this listener. Empty:
	// the one at which it listens.
	Advertised string
	// Further properties by Kafka's names without the listener's prefix, such
	// as ssl.enabled.protocols or sasl.enabled.mechanisms.
	Properties map[string]string
}

// WithVersion chooses the version, from 2.8 on. Those before 3 run with
// ZooKeeper, in a process of its own. Default: [Version43].
func WithVersion(version string) Option {
	return optionFunc(func(o *options) { o.version = version })
}

// WithBrokers sets the number of brokers: 1, or 3 with topics on all of them
// and min.insync.replicas=2. Their node ids count from 1. Default: 1.
func WithBrokers(n int) Option {
	return optionFunc(func(o *options) { o.brokers = n })
}

// WithOneController makes broker 1 the only controller. The others reach it
// through a port that [Cluster.CutOff] closes. It needs a version from 3.0 to 3.8:
// before, there is ZooKeeper, and later controllers tell brokers where they
// really are (KIP-853). Default: each broker is a controller, too.
func WithOneController() Option {
	return optionFunc(func(o *options) { o.oneController = true })
}

// WithUser adds a user to the one that [Cluster.Settings] have. The password
// counts for these methods only, and may be any text without NUL. A name may be
// any text without control characters for PLAIN; for SCRAM it may only be ASCII
// without spaces, quotes, backslashes, commas, brackets and equals signs. The
// start fails for others.
func WithUser(name, password string, methods ...settings.Method) Option {
	return optionFunc(func(o *options) {
		o.users = append(o.users, user{name, password, methods})
	})
}

// WithListener adds a listener to each broker.
func WithListener(l Listener) Option {
	return optionFunc(func(o *options) { o.listeners = append(o.listeners, l) })
}

// WithBrokerConfig sets one of the brokers' properties; it wins over what the
// launcher sets.
func WithBrokerConfig(key, value string) Option {
	return optionFunc(func(o *options) { o.properties.set(key, value) })
}

// WithJavaSecurity sets one of the security properties of the brokers' Java,
// such as jdk.tls.disabledAlgorithms: what that names, a listener's
// ssl.enabled.protocols cannot bring back.
func WithJavaSecurity(key, value string) Option {
	return optionFunc(func(o *options) { o.security.set(key, value) })
}

// WithJavaProperty sets one of the system properties of the brokers' Java, such as
// org.apache.kafka.sasl.oauthbearer.allowed.urls.
func WithJavaProperty(key, value string) Option {
	return optionFunc(func(o *options) { o.system = append(o.system, "-D"+key+"="+value) })
}

// WithJavaClass compiles a public class of the default package and puts it on the
// brokers' class path, so that a property can name it: a handler of callbacks that
// judges tokens, say. name is the class, such as Validator, and source the text of its
// file. It needs javac, which comes with a JDK: without one, [New] skips the test. The
// start fails with what javac says if it refuses the source.
func WithJavaClass(name, source string) Option {
	return optionFunc(func(o *options) { o.classes = append(o.classes, javaClass{name, source}) })
}

// WithACLs has the brokers authorize. The user of [Cluster.Settings] may do
// everything, and so may clients without SASL or a client certificate. Users
// of [WithUser] may do nothing until [Cluster.Grant].
func WithACLs() Option {
	return optionFunc(func(o *options) { o.acls = true })
}

// WithFullJIT lets Java compile the brokers as well as it can, for measuring
// clients: after half a minute under load they are several times as fast as
// usual, above all with TLS, and until then slower. Usually they save that time.
func WithFullJIT() Option {
	return optionFunc(func(o *options) { o.fullJIT = true })
}
