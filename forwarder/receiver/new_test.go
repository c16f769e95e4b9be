package receiver

import (
	"context"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// spooled is a forwarder that has a spool, perhaps.
type spooled struct {
	recorder
	spool  *spool.Spool
	stored []string
}

func (s *spooled) Spool() *spool.Spool { return s.spool }

func (s *spooled) Store(_ context.Context, b *batch.Batch, _ ...spool.Tag) error {
	s.stored = append(s.stored, string(b.AppendJSON(nil)))
	return nil
}

func (s *spooled) StoreAll(ctx context.Context, bs []*batch.Batch, _ ...spool.Tag) []error {
	for _, b := range bs {
		_ = s.Store(ctx, b)
	}
	return nil
}

func TestNew_usesTheSpool(t *testing.T) {
	opened, err := spool.Open(t.Context(), t.TempDir(), spool.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	for name, own := range map[string]*spool.Spool{"with one": opened, "without one": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := &spooled{spool: own}
			r, err := New(s, b.r.feeds)
			require.NoError(t, err)
			b.webhook = r.Webhook()
			says(t, b.hook(`{"a":1}`), http.StatusOK, "", "")
			says(t, b.hook(`[{"a":2},{"a":3}]`), http.StatusOK, "", "")
			want := []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}
			if own == nil {
				assert.Equal(t, want, s.all())
				assert.Empty(t, s.stored)
			} else {
				assert.Equal(t, want, s.stored)
				assert.Empty(t, s.all())
			}
		})
	}
}

func TestNew_reportsAllMistakes(t *testing.T) {
	_, err := New(nil, nil, WithLimits(Limits{Batches: -1, BytesInFlight: 5}), WithDeadline(-1), WithLogger(nil), WithTrustedProxies(netip.Prefix{}))
	for _, text := range []string{"forwarder is nil", "no feeds", "Limits.Batches", "BytesInFlight", "deadline", "logger", "proxy"} {
		assert.ErrorContains(t, err, text)
	}
	_, err = StaticFeeds(Feed{Name: "a", APIKey: "k"}, Feed{APIKey: "k", Secrets: make([]settings.Secret, 3)},
		Feed{Name: "a", APIKey: "k", Secrets: []settings.Secret{settings.NewSecret("Wrong-Secret")}}, Feed{Name: "b", APIKey: "k", Secrets: make([]settings.Secret, 1)})
	for _, text := range []string{`feed 0 ("a"): has 0 secrets`, `feed 1 (""): has no name`, "has 3 secrets", `feed 2 ("a"): another one has this name`,
		"this API key", `feed 3 ("b"): a secret is empty`} {
		assert.ErrorContains(t, err, text)
	}
	assert.NotContains(t, err.Error(), "Wrong-Secret")
	_, err = StaticFeeds()
	assert.ErrorContains(t, err, "no feed")
}
