package forwarder

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Store that has returned nil reports no message: those that are in Kafka by then
// are reported by Settled, with the others, and would count twice.
func TestForwardInfo_stored(t *testing.T) {
	f := withProducer(t, prompt{}, nil)
	defer f.Close()
	for _, storeOnly := range []bool{false, true} {
		c := f.begin(t.Context(), events(t, 1), false, nil)
		require.NoError(t, c.wait())
		c.storeOnly = storeOnly
		assert.Equal(t, storeOnly, len(c.forwardInfo(nil).Messages) == 0)
		assert.Len(t, c.forwardInfo(context.Canceled).Messages, 1)
	}
}
