package receiver

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// The memory of bulk requests that come again holds none of their batches: a
// thousand of them would take a thousand times the limit of a body.
func TestClaim_holdsNoBatch(t *testing.T) {
	f, err := forwarder.New(t.Context(), settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"},
		forwarder.WithoutProbe(), forwarder.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer f.Close()
	for name, body := range map[string]string{"one": `[{"mpid":1}]`, "two": `[{"mpid":1},{"mpid":2}]`} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, WithInboundFormat(), WithDeadline(50*time.Millisecond))
			var given []weak.Pointer[batch.Batch]
			b.r.keeper.forward = func(ctx context.Context, x *batch.Batch, _ ...spool.Tag) error {
				given = append(given, weak.Make(x))
				return f.Forward(ctx, x)
			}
			b.r.keeper.forwardAll = func(ctx context.Context, xs []*batch.Batch, _ ...spool.Tag) []error {
				for _, x := range xs {
					given = append(given, weak.Make(x))
				}
				return f.ForwardAll(ctx, xs)
			}
			says(t, b.post(bulkPath, body), http.StatusServiceUnavailable, codeUnavailable, "")
			require.Len(t, given, strings.Count(body, "mpid"))
			b.infos = nil // an observer's own affair
			require.Len(t, b.r.bulks.claims, 1)
			for i, w := range given {
				assert.Eventually(t, func() bool { runtime.GC(); return w.Value() == nil }, time.Minute, 10*time.Millisecond, "batch %d", i)
			}
			for _, known := range b.r.bulks.claims {
				for _, c := range known.byIndex {
					_, ok := c.err.(*forwarder.DeliveryError) //nolint:errorlint // as it was returned
					assert.True(t, ok, "%T: waiters are told what happened", c.err)
				}
			}
		})
	}
}
