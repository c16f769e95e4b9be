package forwarder

import (
	"testing"
	"time"

	"github.com/eventferry/eventferry/settings"
)

// Clock says what Now measures.
const Clock = clock

// Now is the time by which costs are compared.
func Now() time.Duration { return now() }

// NewPrompt returns a forwarder with the default settings whose producer acknowledges
// at once, for tests of packages that import this one.
func NewPrompt(t testing.TB) *Forwarder {
	return withProducer(t, prompt{}, func(s *settings.Settings, _ *options) { *s = settings.Settings{} })
}
