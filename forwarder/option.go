package forwarder

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// An Option changes what [New] builds. Settings are data, options are
// behaviour. A later option of the same kind wins, save that filters, functions for
// headers, and observers add up.
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	filters     []namedFilter
	connect     connect.Options
	nilAuth     bool // a nil authenticator or Credentials was given
	partitioner partition.Func
	headers     []headerFunc
	observer    Observer
	logger      *slog.Logger
	skipProbe   bool
	sarama      bool // the stock producer
	spool       *spool.Spool
	nilSpool    bool // WithSpool was given nil
	window      *time.Duration

	renewalsRefused *atomic.Int64 // for Stats; nil: nothing is counted

	explainPartitions int32 // 0: no partitions
	explainValues     bool
	explainRoutes     []Route // nil: there is one topic
}

// WithFilter adds a filter, such as those of package filters. Filters run in the
// order in which they were added, behind those of the settings, on the goroutine
// that calls Forward, on a private copy of the batch; f must be safe for concurrent
// use, and must not keep the batch. name appears in [Dropped] and [FilterError], so
// it must be a constant; an empty one, or an f that is nil or in which package
// filters finds a mistake, is an error of [New].
//
// An error that f returns, a panic in it, and the end of the context while it
// runs fail this call with a [*FilterError], and nothing of the batch is sent. It may
// be sent again, so [Permanent] is false: f returns an error that the same batch would
// bring each time by [batch.MarkPermanent]. [batch.Drop] is a decision and no failure: the batch is dropped, and the call
// returns nil, also if the context has ended meanwhile. Once the context has
// ended f is not called. If f ends its goroutine, as FailNow of package testing
// does, the call ends with it and sends nothing of that batch.
func WithFilter(name string, f batch.Filter) Option {
	return optionFunc(func(o *options) { o.filters = append(o.filters, namedFilter{name: name, filter: f, caller: true}) })
}

// WithFilterFunc adds a filter that is a plain function. All that [WithFilter]
// says holds for it.
func WithFilterFunc(name string, f func(context.Context, *batch.Batch) error) Option {
	return WithFilter(name, batch.FilterFunc(f))
}

// WithHeaders adds the headers that f returns to every message of a batch: a trace
// context, the attributes of CloudEvents, the id of a schema. Several add up, in
// the order in which they were given, behind eventferry-part. Default: none.
//
// f is called once for each batch that is sent, behind all filters and switches, on
// the goroutine that calls Forward, with the context that [Observer].Begun has made;
// it must be safe for concurrent use. b is what is sent: nothing in it was removed
// by a setting. Editing it changes nothing, and f must not keep it. The values that
// f returns must not be changed any more.
//
// Headers count in the size of each message, against delivery.max_message_bytes and
// delivery.max_buffered_bytes: key, value and 10 bytes each. A batch that is split
// bears them on every part.
//
// A panic in f, and a header whose key is empty, is no UTF-8 or begins with
// "eventferry-", fail this call only, with a [*HeaderError], and nothing of the
// batch is sent. A nil f is an error of [New].
//
// With [NewRoutes] f is called once for the batch, before it is divided, so b has the
// events for all topics, and the messages in each topic get the same headers.
func WithHeaders(f func(ctx context.Context, b *batch.Batch) []Header) Option {
	return optionFunc(func(o *options) { o.headers = append(o.headers, f) })
}

// WithAuthenticator replaces the mechanism, user name and password of the
// settings. Of its changes to the configuration only those of Net.SASL are kept.
// It is applied at each probe and for each connection of the producer, by several
// goroutines at once; an error of it is one of [New] and [Forwarder.Ping], and
// later the cause of a wait. With [WithSaramaProducer] its connections use what
// was applied when the producer was built. A nil authenticator is an error of
// New, also one that is a nil pointer or a nil function of some type.
func WithAuthenticator(a auth.Authenticator) Option {
	return optionFunc(func(o *options) {
		o.connect.Authenticator, o.connect.Credentials, o.nilAuth = a, nil, isNil(a)
	})
}

// WithCredentials asks c for user name and password, in place of those in the
// settings; the mechanism is still authentication_method. c is asked at each
// connection, by several goroutines at once. An error of c is one of [New] and
// [Forwarder.Ping], at once, and later the cause of a wait. With
// [WithSaramaProducer] and PLAIN, c is asked at each probe and when the producer
// is built: until the next New, its connections use what c returned then. A nil
// c is an error of New.
func WithCredentials(c auth.Credentials) Option {
	return optionFunc(func(o *options) {
		o.connect.Credentials, o.connect.Authenticator, o.nilAuth = c, nil, c == nil
	})
}

// WithTLS makes connections with tc in place of the settings' tls section; New
// refuses to take both. tc is cloned. Everything in it is kept, its ServerName
// for all brokers and its callbacks included, but its MinVersion is raised to
// TLS 1.2, and New refuses InsecureSkipVerify and a MaxVersion below TLS 1.2:
// certificates are always verified, and nothing falls back. Nil leaves it to the
// settings.
func WithTLS(tc *tls.Config) Option {
	tc = tc.Clone()
	return optionFunc(func(o *options) { o.connect.TLS = tc })
}

// WithDialer opens network connections with dial instead of a [net.Dialer]:
// through a proxy, a tunnel, or to an address that stands for the broker's.
// The probe and the producer both use it; TLS runs inside what it returns, for
// the name in addr ("b1:9093"), which comes from bootstrap_servers or from the
// brokers' advertised.listeners. network is always "tcp".
//
// dial is called from several goroutines at once. Its ctx ends after 10
// seconds, and when the connection is not needed any more. A nil dial leaves it
// to the network.
func WithDialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) Option {
	return optionFunc(func(o *options) { o.connect.Dial = dial })
}

// WithPartitioner replaces the hash that places users, delivery.partitioner in
// the settings. Changing it moves users to other partitions: their order
// across the change holds only for batches forwarded after the earlier ones
// were acknowledged. Nil leaves it as the settings have it. f is called on a goroutine of
// its own: if it panics, does not return or chooses no partition of the topic, its batch
// is not sent. A batch that is stored already goes where murmur2 places it.
func WithPartitioner(f partition.Func) Option {
	return optionFunc(func(o *options) { o.partitioner = f })
}

// WithObserver calls o for what happens to batches. Several add up: each of them is
// called, in the order in which they were given. Default: no observer.
func WithObserver(o Observer) Option {
	return optionFunc(func(opts *options) { opts.observer = opts.observer.and(o) })
}

// WithLogger logs to l instead of [slog.Default], which nil stands for. Payloads
// and secrets never reach a log.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(o *options) { o.logger = cmp.Or(l, slog.Default()) })
}

// WithoutProbe lets [New] return before any broker has answered, for services
// that must start while Kafka is down. Wrong credentials or a missing topic
// then show in [Forwarder.Ping] and as the cause of delivery errors only.
func WithoutProbe() Option {
	return optionFunc(func(o *options) { o.skipProbe = true })
}

// WithSaramaProducer delivers with Sarama's stock AsyncProducer instead of
// eventferry's own engine on Sarama's connections. Messages, their order, and
// what is promised about loss, duplicates, deadlines and memory are the same,
// except for these limits of AsyncProducer:
//
//   - Retries are counted: after 4,500 refusals of a broker that answers, which
//     takes more than six hours, a message is unknown. While no broker answers, or
//     a partition has no leader, nothing is counted.
//   - A refusal by an ACL is not retried: it comes back at once, unknown and not
//     permanent. Until the topic has been seen, delivery waits instead.
//   - A message that a broker refuses is unknown, never not sent, since attempts
//     are not told apart. Messages that were gathered with a refused one fail with
//     it, and [Permanent] is wrong about those. Keep delivery.max_message_bytes at
//     or below the topic's max.message.bytes: record batches grow to it.
//   - Requests are not bounded by delivery.max_request_bytes, record batches are by
//     delivery.max_message_bytes. After a connection is lost each goes alone.
//   - Up to 1,024 messages and delivery.max_message_bytes of each partition cannot
//     be withdrawn. They are unknown when a context or the forwarder ends, although
//     most may never have been sent.
//   - A failure begins a new epoch for all partitions. An emulation of Kafka that
//     keeps one epoch for all may then refuse batches of others, which are unknown.
//   - A broker that says nothing is given up after 30 seconds. Its partitions wait,
//     and so do partitions that need to learn of a new leader meanwhile. One of
//     bootstrap_servers that says nothing can delay the first message as long.
//   - A topic that is made anew with fewer partitions leaves messages in flight for
//     the others undecided until the forwarder is closed.
//   - Connections are not renewed: delivery.max_connection_age has no effect.
//   - [Forwarder.Stats] tells nothing of brokers.
//   - PLAIN uses the password that [WithCredentials] returned, or password_file
//     held, when the forwarder was built.
//   - Messages without a user id get a random partition for each batch.
//   - After [Forwarder.Close] goroutines of Sarama's may sleep on and do nothing
//     more: one for each partition that had no leader, for up to 10 seconds, and
//     those of connections that a broker has throttled, for as long as it said.
func WithSaramaProducer() Option {
	return optionFunc(func(o *options) { o.sarama = true })
}

// WithSpool stores batches in s, which is on disk, before they are sent: what is
// stored is in Kafka once, across crashes and power cuts, and what a former process has
// left in s goes out first. [Forwarder.Forward] stores, then waits for Kafka;
// [Forwarder.Store] returns when the batch is stored. SPOOL.md says more.
//
// The caller opens s, and closes it after the forwarder. The setting spool.dir
// leaves both to the forwarder; New refuses to take both, a nil s, an s that
// another forwarder has, or that holds messages for another topic, which no route names
// either ([*spool.TopicError]), and [WithSaramaProducer] beside a spool: that producer
// cannot continue what another process has begun.
//
// What is stored was filtered and encoded with the settings of then. The codec
// may change, and so may the hash and the brokers' addresses.
func WithSpool(s *spool.Spool) Option {
	return optionFunc(func(o *options) { o.spool, o.nilSpool = s, s == nil })
}

func isNil(a auth.Authenticator) bool {
	v := reflect.ValueOf(a)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

var (
	// Nil must not stand for the credentials in the settings: if those have none,
	// it would connect without any.
	errNilAuth     = errors.New("forwarder: the authenticator, or the function that returns credentials, is nil")
	errNilSpool    = errors.New("forwarder: the spool is nil")
	errTwoSpools   = errors.New("forwarder: WithSpool replaces the setting spool.dir: leave that empty, or the option out")
	errSaramaSpool = errors.New("forwarder: WithSaramaProducer cannot continue what another process has begun: leave out the spool or the option")
	errTwoTLS      = errors.New("forwarder: WithTLS replaces the tls settings: leave those empty, or set everything there")
)

// WithPartitionCount has [Explain] tell the partition of a batch in a topic of so
// many partitions, by each hash. [New] ignores it.
func WithPartitionCount(partitions int32) Option {
	return optionFunc(func(o *options) { o.explainPartitions = partitions })
}

// WithExplainedRoutes has [Explain] and [DryRun] do what a forwarder of [NewRoutes]
// with these routes would: s.TopicName must be empty then, and messages name their
// topic. [New] and [NewRoutes] ignore it.
func WithExplainedRoutes(routes ...Route) Option {
	return optionFunc(func(o *options) { o.explainRoutes = append([]Route{}, routes...) })
}

// WithValues has [Explain] show what edited members hold, before and after. That is
// payload: keep it out of logs. [New] ignores it.
func WithValues() Option { return optionFunc(func(o *options) { o.explainValues = true }) }

// newOptions applies opts, the later ones over the earlier.
func newOptions(opts []Option) options {
	o := options{logger: slog.Default(), renewalsRefused: new(atomic.Int64)}
	for _, opt := range opts {
		opt.apply(&o)
	}
	return o
}

// validSettings checks s together with o, and fills in the defaults of s. It
// reports all mistakes in s or, when there are none, all in o. The filters of s
// become the first of o.
func (o *options) validSettings(s settings.Settings) (settings.Settings, error) {
	validate := s.Validate
	if o.connect.Authenticator != nil || o.connect.Credentials != nil {
		validate = s.ValidateExceptCredentials
	}
	list, err := settingsFilters(s)
	if err := errors.Join(validate(), err); err != nil {
		return s, err
	}
	o.filters = append(list, o.filters...)
	var mistakes []error
	if o.connect.TLS != nil && s.TLS != (settings.TLS{}) {
		mistakes = append(mistakes, errTwoTLS)
	}
	if o.nilAuth {
		mistakes = append(mistakes, errNilAuth)
	}
	for _, f := range o.headers {
		if f == nil {
			mistakes = append(mistakes, errNilHeaders)
		}
	}
	mistakes = append(mistakes, o.spoolMistakes(s)...)
	for _, f := range o.filters {
		if err := f.check(); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return s.WithDefaults(), errors.Join(mistakes...)
}

// spoolMistakes returns what keeps o and s from having a spool.
func (o *options) spoolMistakes(s settings.Settings) []error {
	var list []error
	if o.nilSpool {
		list = append(list, errNilSpool)
	}
	if o.spool != nil && s.Spool.Dir != "" {
		list = append(list, errTwoSpools)
	}
	if o.sarama && (o.spool != nil || s.Spool.Dir != "") {
		list = append(list, errSaramaSpool)
	}
	return append(list, o.windowMistakes(s)...)
}
