package batch

import "github.com/eventferry/eventferry/batch/internal/jsontext"

// HasKnownMembers is for the forwarder, which reports objects that are probably no
// batches, such as log lines: it reports whether the batch, as it was parsed, had a
// member events or any other member that mParticle's documentation lists for
// batches. It looks no further than the first of them.
func (b *Batch) HasKnownMembers() bool {
	text := b.base.Text()
	for i := range b.members {
		m := &b.members[i]
		name := text[m.at+1 : m.colon-1]
		if m.escaped {
			name = jsontext.Unquote(text[m.at:m.colon])
		}
		if isKnownMember(string(name)) {
			return true
		}
	}
	return false
}

func isKnownMember(name string) bool {
	switch name {
	case "events", "mpid",
		"user_identities", "user_attributes", "deleted_user_attributes",
		"device_info", "application_info", "source_info", "environment", "context", "consent_state",
		"schema_version", "batch_id", "message_id", "message_type", "unique_id",
		"timestamp_unixtime_ms", "source_request_id", "mp_deviceid", "ip",
		"integration_attributes", "partner_identities", "partner_identity", "system_notifications",
		"sdk_version", "attribution_info", "job_id", "origin_mpid", "api_key", "api_keys":
		return true
	}
	return false
}
