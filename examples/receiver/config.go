package main

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"

	"github.com/eventferry/eventferry/examples/internal/quarantine"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// prefix begins the names of this program's own variables.
const prefix = "EVENTFERRY_RECEIVER_"

// A lookup reads the environment.
type lookup func(name string) (string, bool)

func (l lookup) get(name string) string {
	value, _ := l(prefix + name)
	return value
}

// feedsFrom returns who may post.
func feedsFrom(env lookup) (receiver.Feeds, error) {
	var feeds []receiver.Feed
	hook := receiver.Feed{Name: "webhook"}
	for _, name := range []string{"WEBHOOK_SECRET", "WEBHOOK_SECRET_2"} {
		if secret := env.get(name); secret != "" {
			hook.Secrets = append(hook.Secrets, settings.NewSecret(secret))
		}
	}
	if len(hook.Secrets) > 0 {
		feeds = append(feeds, hook)
	}
	for i, text := range strings.FieldsFunc(env.get("FEEDS"), func(c rune) bool { return c == ',' }) {
		parts := strings.Split(text, ":")
		if len(parts) < 3 {
			return nil, fmt.Errorf("%sFEEDS: feed %d is not name:key:secret", prefix, i+1) // without its text: it may be a secret
		}
		feed := receiver.Feed{Name: parts[0], APIKey: parts[1]}
		for _, secret := range parts[2:] {
			feed.Secrets = append(feed.Secrets, settings.NewSecret(secret))
		}
		feeds = append(feeds, feed)
	}
	return receiver.StaticFeeds(feeds...)
}

// optionsFrom returns the receiver's options, and its certificate unless a proxy has
// one.
func optionsFrom(env lookup) ([]receiver.Option, *tls.Config, error) {
	var options []receiver.Option
	if dir := env.get("QUARANTINE_DIR"); dir != "" {
		options = append(options, receiver.WithQuarantine(quarantine.Folder(dir)))
	}
	if proxies := env.get("TRUSTED_PROXIES"); proxies != "" {
		for text := range strings.SplitSeq(proxies, ",") {
			p, err := netip.ParsePrefix(strings.TrimSpace(text))
			if err != nil {
				return nil, nil, fmt.Errorf("%sTRUSTED_PROXIES: %w", prefix, err)
			}
			options = append(options, receiver.WithTrustedProxies(p))
		}
		return options, nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(env.get("TLS_CERT_FILE"), env.get("TLS_KEY_FILE"))
	if err != nil {
		return nil, nil, fmt.Errorf("%sTLS_CERT_FILE, %sTLS_KEY_FILE: %w", prefix, prefix, err)
	}
	return options, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}
