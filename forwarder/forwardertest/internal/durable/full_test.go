package durable

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// largeBatch makes batch n with 50,000 bytes.
func largeBatch(t *testing.T, n int) *batch.Batch {
	t.Helper()
	b, err := batch.Parse(fmt.Appendf(nil, `{"mpid":1,"events":[{"event_type":"custom_event","data":{"n":%d,"pad":%q}}]}`, n, strings.Repeat("x", 50_000)))
	require.NoError(t, err)
	return b
}

// fill stores large batches until there is room for none, and returns how many were
// stored, and what the next one got when its context ended.
func fill(t *testing.T, f *forwarder.Forwarder) (stored int, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	full := make(chan error, 1)
	go func() {
		for {
			if err := f.Store(ctx, largeBatch(t, stored)); err != nil {
				full <- err
				return
			}
			stored++
		}
	}()
	require.Eventually(t, func() bool { return f.Ready() != nil }, patience, time.Millisecond)
	require.ErrorIs(t, f.Ready(), spool.ErrFull)
	before := -1
	require.Eventually(t, func() bool { // nothing comes any more
		now := f.Spool().Stats().Messages
		defer func() { before = now }()
		return now == before
	}, patience, 100*time.Millisecond)
	cancel()
	err = <-full
	return stored, err
}
