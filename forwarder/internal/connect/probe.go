package connect

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/settings"
)

// A Probe finds out, on connections of its own, whether the topic can be
// written to with these credentials. The producer retries a wrong
// password or a missing topic for as long as it takes.
//
// It asks the bootstrap servers for the topic until one has shown it, then
// connects to every broker that leads a partition of it: messages go there, to
// addresses that brokers advertise and that no attempt has tried yet.
type Probe struct {
	servers   []string
	topic     string
	dialer    *tlsDialer
	configure func() (*sarama.Config, error) // may ask for credentials
	user      func() string                  // whom they are for, where the configuration does not say
	password  func() settings.Secret         // that of the settings, if it counts
	option    string                         // that replaces user name and password
	delivery  settings.Delivery
	calls     *ownCalls
	topicFrom string // what names the topic

	passwordFile string                        // "": the password is not from a file
	latest       atomic.Pointer[sarama.Config] // from configure
}

// New takes valid settings whose defaults are filled in. It reads the files that
// they name, and connects to nothing. Each connection reads the files again.
func New(s settings.Settings, o Options) (*Probe, error) {
	s = withAbsoluteFiles(s)
	tc, badTLS := tlsConfig(s.TLS, o.TLS)
	calls := new(ownCalls)
	by, badCredentials := authenticationFor(s, o, calls)
	var files *tlsFiles
	var badFiles error
	if o.TLS == nil {
		files, badFiles = newTLSFiles(s.TLS, o.logger())
	}
	if err := errors.Join(badTLS, badFiles, badCredentials); err != nil {
		return nil, err
	}
	calls.watchCertificate(tc)
	d := newTLSDialer(o.Dial, tc)
	d.ownTLS, d.files, d.names = o.TLS != nil, files, s.TLS
	passwordFile := s.PasswordFile
	if o.replacing() != "" {
		passwordFile = ""
	}
	return &Probe{
		servers:   s.Servers(),
		topic:     s.TopicName,
		dialer:    d,
		configure: func() (*sarama.Config, error) { return saramaconfig.Config(s, d, by.Authenticator) },
		user:      by.user,
		password:  by.password,
		option:    o.replacing(),
		delivery:  s.Delivery,
		calls:     calls,
		topicFrom: o.topicFrom(),

		passwordFile: passwordFile,
	}, nil
}

// Config returns Sarama's configuration for a connection, with the credentials of
// this moment. It returns when ctx ends, also if functions of the caller's, which
// may be asked for credentials, do not heed ctx.
func (p *Probe) Config(ctx context.Context) (*sarama.Config, error) {
	cfg, err := ctxwait.Do(ctx, 0, p.configure, nil)
	switch {
	case err == nil:
		p.latest.Store(cfg)
	case ctx.Err() != nil:
		err = fmt.Errorf("no credentials yet: %w", ctxwait.Err(ctx))
	}
	return cfg, err
}
