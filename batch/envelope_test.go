package batch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBatch_HasKnownMembers(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`:                           false,
		`{"level":"info"}`:             false,
		`{"Events":[],"mpid ":1}`:      false,
		`{"a":{"events":[],"mpid":7}}`: false,
		`{"events":null}`:              true,
		`{"events":[]}`:                true,
		`{"mpid":"7"}`:                 true,
		`{"x":1,"user_attributes":{}}`: true,
		`{"x":1,"\u0069p":""}`:         true,
		` { "x" : 1 , "ip" : "" } `:    true,
	} {
		b := parsed(t, text)
		assert.Equal(t, want, b.HasKnownMembers(), text)
		assert.Equal(t, want, b.Clone().HasKnownMembers(), text)
		if !want {
			require.NoError(t, b.At("mp_deviceid").Set("x"))
			assert.False(t, b.HasKnownMembers(), "as parsed: %s", text)
		}
	}
}

func TestBatch_HasKnownMembers_each(t *testing.T) {
	known := strings.Fields(`events mpid user_identities user_attributes deleted_user_attributes device_info application_info source_info
		environment context consent_state schema_version batch_id message_id message_type unique_id timestamp_unixtime_ms
		source_request_id mp_deviceid ip integration_attributes partner_identities partner_identity system_notifications
		sdk_version attribution_info job_id origin_mpid api_key api_keys`)
	for _, name := range known {
		assert.True(t, parsed(t, `{"level":"info","`+name+`":null}`).HasKnownMembers(), name)
		assert.False(t, parsed(t, `{"level":"info","`+name+`_":null}`).HasKnownMembers(), name)
	}
}

func TestBatch_HasKnownMembers_samples(t *testing.T) {
	for name, data := range testFiles(t, 13, "batches/*.json") {
		assert.True(t, mustParse(data).HasKnownMembers(), name)
	}
}

func TestBatch_HasKnownMembers_allocatesNothing(t *testing.T) {
	b := parsed(t, `{"level":"info","message":"started","ip":"::1"}`)
	assert.Zero(t, allocs(func() { b.HasKnownMembers() }))
}
