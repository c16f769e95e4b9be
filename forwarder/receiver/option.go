package receiver

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// An Option changes what [New] builds. A later option of the same kind wins, but
// observers and trusted proxies add up.
type Option interface{ apply(*configuration) }

type receiverOption func(*configuration)

func (f receiverOption) apply(o *configuration) { f(o) }

type configuration struct {
	proxies    []netip.Prefix
	limits     Limits
	deadline   time.Duration
	quarantine Quarantine
	alias      AliasHandler
	identify   Identify
	strictBulk bool
	inbound    bool
	historical bool
	observers  []Observer
	logger     *slog.Logger
	now        func() time.Time
}

// Limits bound what requests may take. A zero field stands for its default.
type Limits struct {
	WebhookBody   int64 // bytes of a webhook's body, decompressed; 8 MiB, since a batch with a crash report of an Apple device alone has 2 MB
	ServerBody    int64 // bytes of a body of the Events API, decompressed; 1 MiB: four times what mParticle allows, as the Java SDK writes nulls
	Batches       int   // batches in a bulk request; 100, as at mParticle
	Requests      int   // requests that are read and wait, in all; 256
	BytesInFlight int64 // bytes of their bodies, compressed and decompressed, in all, and of the Events API 2 KiB for each event, but no more than half of what is left; 64 MiB
	Remembered    int   // ids of batches that are remembered for an hour, to find repeated ones; 100,000, which take about 30 MB
}

// withDefaults returns l with its zero fields filled in.
func (l Limits) withDefaults() Limits {
	d := Limits{WebhookBody: 8 << 20, ServerBody: 1 << 20, Batches: 100, Requests: 256, BytesInFlight: 64 << 20, Remembered: 100_000}
	if l.WebhookBody != 0 {
		d.WebhookBody = l.WebhookBody
	}
	if l.ServerBody != 0 {
		d.ServerBody = l.ServerBody
	}
	if l.Batches != 0 {
		d.Batches = l.Batches
	}
	if l.Requests != 0 {
		d.Requests = l.Requests
	}
	if l.BytesInFlight != 0 {
		d.BytesInFlight = l.BytesInFlight
	}
	if l.Remembered != 0 {
		d.Remembered = l.Remembered
	}
	return d
}

// defaultDeadline leaves two seconds of the ten after which mParticle's Java SDK
// gives up.
const defaultDeadline = 8 * time.Second

// WithLimits sets the bounds on bodies, requests and memory. A negative one is an
// error of New, and so is a BytesInFlight below twice the largest body.
func WithLimits(l Limits) Option { return receiverOption(func(o *configuration) { o.limits = l }) }

// WithDeadline sets how long a request may take in all before it is answered 503;
// 8 seconds without this option. Reading its body may take 5 seconds of them. A d
// that is not above 0 is an error of New.
func WithDeadline(d time.Duration) Option {
	return receiverOption(func(o *configuration) { o.deadline = d })
}

// WithTrustedProxies names the addresses of proxies that end TLS in front of the
// receiver. Requests that did not come over TLS are refused unless they come from
// one of these. They are refused from there, too, if the header X-Forwarded-Proto names
// http as its first protocol, which is that of the client. Several of these options add
// up. A prefix that is not valid is an error of New.
func WithTrustedProxies(prefixes ...netip.Prefix) Option {
	return receiverOption(func(o *configuration) { o.proxies = append(o.proxies, prefixes...) })
}

// WithQuarantine has f keep what can never be forwarded, before the receiver
// refuses it with a status that makes its sender drop it. Without it such things are
// refused and kept nowhere.
func WithQuarantine(f Quarantine) Option {
	return receiverOption(func(o *configuration) { o.quarantine = f })
}

// WithAliasRequests has f take the alias requests that mParticle's webhook output
// sends when "Send Alias Requests" is on.
func WithAliasRequests(f AliasHandler) Option {
	return receiverOption(func(o *configuration) { o.alias = f })
}

// WithIdentify has f find the user ids of batches that the Events API brings
// without one. Without it such batches have no user, and so no message key.
func WithIdentify(f Identify) Option {
	return receiverOption(func(o *configuration) { o.identify = f })
}

// WithStrictBulk has the Events API refuse a bulk request as a whole when one batch
// of it is bad. Without it the others are kept, as mParticle documents.
func WithStrictBulk() Option { return receiverOption(func(o *configuration) { o.strictBulk = true }) }

// WithInboundFormat has the Events API leave batches as they came. Only the letters
// of event types and the environment become lower case, the user id becomes a
// number, and api_key and api_keys are removed.
func WithInboundFormat() Option { return receiverOption(func(o *configuration) { o.inbound = true }) }

// WithHistorical has the Events API take /v2/bulkevents/historical. mParticle forwards
// historical data to no event output, so its own Kafka output never had any.
func WithHistorical() Option { return receiverOption(func(o *configuration) { o.historical = true }) }

// WithObserver has the functions of obs called.
func WithObserver(obs Observer) Option {
	return receiverOption(func(o *configuration) { o.observers = append(o.observers, obs) })
}

// WithLogger sets the logger, [slog.Default] without this option. It gets one line
// for each cause of refusals and 30 seconds, without payload and credentials. It has
// the address of the client, or of the proxy in front of the receiver. A nil one is an
// error of New.
func WithLogger(l *slog.Logger) Option {
	return receiverOption(func(o *configuration) { o.logger = l })
}

func newConfiguration(opts []Option) configuration {
	o := configuration{deadline: defaultDeadline, logger: slog.Default(), now: time.Now}
	for _, opt := range opts {
		opt.apply(&o)
	}
	o.limits = o.limits.withDefaults()
	return o
}

func (o *configuration) check() error {
	var mistakes []error
	for name, value := range map[string]int64{
		"WebhookBody": o.limits.WebhookBody, "ServerBody": o.limits.ServerBody, "Batches": int64(o.limits.Batches),
		"Requests": int64(o.limits.Requests), "BytesInFlight": o.limits.BytesInFlight, "Remembered": int64(o.limits.Remembered),
	} {
		if value < 0 {
			mistakes = append(mistakes, fmt.Errorf("receiver: Limits.%s is negative: %d", name, value))
		}
	}
	if l := o.limits; l.BytesInFlight < 2*max(l.WebhookBody, l.ServerBody) {
		mistakes = append(mistakes, errors.New("receiver: Limits.BytesInFlight is less than twice the largest body: a compressed one could never be read"))
	}
	if o.deadline <= 0 {
		mistakes = append(mistakes, fmt.Errorf("receiver: the deadline is %v: it must be more than 0", o.deadline))
	}
	if o.logger == nil {
		mistakes = append(mistakes, errors.New("receiver: the logger is nil: use slog.DiscardHandler to log nothing"))
	}
	for _, p := range o.proxies {
		if !p.IsValid() {
			mistakes = append(mistakes, errors.New("receiver: the address of a trusted proxy is not valid"))
		}
	}
	return errors.Join(mistakes...)
}
