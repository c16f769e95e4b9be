package forwarder

import (
	"cmp"
	"crypto/tls"
	"log/slog"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/partition"
)

// An Option changes what [New] builds. Settings are data, options are
// behaviour. A later option of the same kind wins, save that filters add up.
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	filters       []namedFilter
	authenticator auth.Authenticator // of this and credentials at most one is set
	credentials   auth.Credentials
	nobody        bool // that one is nil, which it must not be
	tls           *tls.Config
	dial          dialFunc
	partitioner   partition.Func
	observer      Observer
	logger        *slog.Logger
	skipProbe     bool
	sarama        bool // the stock producer
}

// WithFilter adds a filter. Filters run in the order in which they were added,
// on the goroutine that calls Forward, on a private copy of the batch; f must
// be safe for concurrent use, and must not keep the batch. name appears in
// [Dropped] and [FilterError], so it must be a constant; an empty one, or an f
// that is nil, is an error of [New].
//
// An error that f returns, a panic in it, and the end of the context while it
// runs fail this call with a [*FilterError], and nothing of the batch is sent.
// [batch.Drop] is a decision and no failure: the batch is dropped, and the call
// returns nil, also if the context has ended meanwhile. Once the context has
// ended f is not called. If f ends its goroutine, as FailNow of package testing
// does, the call ends with it and sends nothing of that batch.
func WithFilter(name string, f batch.Filter) Option {
	return optionFunc(func(o *options) { o.filters = append(o.filters, namedFilter{name: name, filter: f, caller: true}) })
}

// WithPartitioner replaces the hash that places users, delivery.partitioner in
// the settings. Changing it moves users to other partitions: their order
// across the change holds only for batches forwarded after the earlier ones
// were acknowledged. Nil leaves it as the settings have it.
func WithPartitioner(f partition.Func) Option {
	return optionFunc(func(o *options) { o.partitioner = f })
}

// WithObserver tells o what happens to batches. Default: nobody.
func WithObserver(o Observer) Option {
	return optionFunc(func(opts *options) { opts.observer = o })
}

// WithLogger logs to l instead of [slog.Default], which nil stands for. Payloads
// and secrets never reach a log.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(o *options) { o.logger = cmp.Or(l, slog.Default()) })
}
