package results

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
)

// A run of other code is found out; one of the same is not.
func TestResults_IsOf(t *testing.T) {
	now := hotpath.Sources{"batch/parse.go": "0123456789ab", "forwarder/call.go": "ba9876543210"}
	r := &Results{Code: Code{Commit: "abc", HotPath: now}}
	assert.True(t, r.IsOf(Code{Commit: "def", HotPath: now}))
	assert.False(t, r.IsOf(Code{Commit: "abc", HotPath: hotpath.Sources{"batch/parse.go": "0123456789ac", "forwarder/call.go": "ba9876543210"}}))
	assert.False(t, new(Results).IsOf(Code{}), "it is not known")
}
