package contender

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// What is written by hand makes the message that Forward makes of each batch, of
// all sizes.
func TestEditors(t *testing.T) {
	for name, edit := range map[string]editor{"structs": withStructs, "json v2": withJSONv2, "sonic": withSonic} {
		for _, size := range work.Sizes() {
			t.Run(name+"/"+size.Name, func(t *testing.T) {
				items, err := work.Make(t.Context(), size, 200)
				require.NoError(t, err)
				checker := work.NewChecker(items, 1)
				checker.AllowOtherBytes()
				for _, i := range items {
					i.Next()
					key, value, err := edit(i.Input)
					require.NoError(t, err)
					checker.Add(0, key, value)
				}
				require.NoError(t, checker.End(int64(len(items))))
			})
		}
	}
}

func TestEditors_wrong(t *testing.T) {
	for name, edit := range map[string]editor{"structs": withStructs, "json v2": withJSONv2, "sonic": withSonic} {
		_, _, err := edit([]byte(`{"events":`))
		assert.Error(t, err, name)
	}
}
