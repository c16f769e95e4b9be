package receiver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/settings"
)

// A Feed is one source of batches, with its credentials. The tags name its fields in
// JSON that a program reads; a secret is never written there.
type Feed struct {
	// Name stands for the feed in observers, logs and quarantine. It is no secret.
	Name string `json:"name"`
	// APIKey is the key of a feed of server SDKs, which send it with each request.
	// A webhook output of mParticle has none.
	APIKey string `json:"api_key"`
	// Secrets are the API secrets of the feed; for a webhook output the values of
	// the header Authorization, whole. There may be two, of which either is taken,
	// so that one can replace the other.
	Secrets []settings.Secret `json:"secrets"`

	digests []secretDigest // of Secrets, if they are known
}

// Feeds returns the feeds with an API key, or none if there is no such key. The
// webhook, whose requests bring no key, asks for those with the key "" and takes
// the one with the secret. An error keeps credentials from being checked: the
// request is answered 503. Feeds is called for each request, on any goroutine, and
// must heed ctx.
type Feeds func(ctx context.Context, apiKey string) ([]Feed, error)

// maxSecrets is how many a feed has while one of them is replaced.
const maxSecrets = 2

// A secretDigest stands for a secret, so that comparing takes the same time for all.
type secretDigest [sha256.Size]byte

// StaticFeeds returns feeds that never change. Each needs a name of its own and one
// or two secrets, and no two have the same API key.
func StaticFeeds(feeds ...Feed) (Feeds, error) {
	byKey := map[string][]Feed{}
	names := map[string]bool{}
	var mistakes []error
	for i, f := range feeds {
		mistake := func(text string) {
			mistakes = append(mistakes, fmt.Errorf("receiver: feed %d (%q): %s", i, f.Name, text))
		}
		if f.Name == "" {
			mistake("has no name")
		} else if names[f.Name] {
			mistake("another one has this name")
		}
		names[f.Name] = true
		if f.APIKey != "" && len(byKey[f.APIKey]) > 0 {
			mistake("another one has this API key")
		}
		if n := len(f.Secrets); n < 1 || n > maxSecrets {
			mistake(fmt.Sprintf("has %d secrets: one is needed, and two are possible", n))
		}
		f.digests = nil
		for _, s := range f.Secrets {
			if !s.IsSet() {
				mistake("a secret is empty")
			}
			f.digests = append(f.digests, digestOf(s.Reveal()))
		}
		byKey[f.APIKey] = append(byKey[f.APIKey], f)
	}
	if len(feeds) == 0 {
		mistakes = append(mistakes, errors.New("receiver: there is no feed: every post would be refused"))
	}
	return func(_ context.Context, apiKey string) ([]Feed, error) { return byKey[apiKey], nil }, errors.Join(mistakes...)
}

// digestOf hashes a text of usual length without taking memory.
func digestOf(text string) secretDigest {
	var room [256]byte
	return sha256.Sum256(append(room[:0], text...))
}

// withSecret returns the feed that has the secret. It compares with each secret of
// each feed, whichever fits, and with two at least, as many as a feed may have: the
// time that it takes says nothing about how much of the secret was right, nor, with
// [StaticFeeds], whether it was that or the API key that was wrong.
func withSecret(feeds []Feed, secret string) (found Feed, ok bool) {
	presented := digestOf(secret)
	compared := 0
	for i := range feeds {
		digests := feeds[i].digests
		if digests == nil {
			for _, s := range feeds[i].Secrets {
				if s.IsSet() {
					digests = append(digests, digestOf(s.Reveal()))
				}
			}
		}
		for j := range digests {
			if subtle.ConstantTimeCompare(presented[:], digests[j][:]) == 1 {
				found, ok = feeds[i], true
			}
			compared++
		}
	}
	for ; compared < maxSecrets; compared++ {
		var none secretDigest
		subtle.ConstantTimeCompare(presented[:], none[:])
	}
	return found, ok
}
