package batch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A set of names never denies one that is in it, and denies most of the others.
func TestNameSet(t *testing.T) {
	names := []string{
		"events", "mpid", "user_identities", "user_attributes", "device_info", "application_info", "source_info",
		"environment", "context", "consent_state", "schema_version", "batch_id", "message_id", "message_type", "unique_id",
		"timestamp_unixtime_ms", "source_request_id", "mp_deviceid", "ip", "integration_attributes", "",
	}
	denied := 0
	for _, name := range names {
		others := mustParse([]byte(`{"` + strings.Join(without(names, name), `":null,"`) + `":null}`))
		if !others.names.maybe(name) {
			denied++
		}
		assert.True(t, mustParse([]byte(`{"`+name+`":null}`)).names.maybe(name), name)
	}
	assert.GreaterOrEqual(t, denied, len(names)-3)
	assert.True(t, mustParse([]byte(`{"\u0069p":null}`)).names.maybe("ip"), "written with an escape sequence")
}

func without(list []string, s string) (others []string) {
	for _, o := range list {
		if o != s {
			others = append(others, o)
		}
	}
	return others
}
