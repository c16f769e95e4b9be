package forwarder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// A writer makes up batches as mParticle writes them: 64-bit ids in quotes,
// except mpid, "data" ahead of "event_type", many nulls, some escapes and some
// text beyond ASCII. The same seed makes the same batch.
type writer struct {
	bytes.Buffer
	*rand.Rand
}

// makeBatch writes a batch with so many events, of which one in ten, at most,
// is of a type that the default settings drop.
func makeBatch(seed uint64, events int, withDropped bool) []byte {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 1))}
	w.put(`{"events":[`)
	for i := range events {
		if i > 0 {
			w.put(`,`)
		}
		w.event(withDropped && i%10 == 6)
	}
	w.put(`],`)
	w.envelope()
	w.put(`}`)
	return w.Bytes()
}

func (w *writer) put(format string, args ...any) { fmt.Fprintf(w, format, args...) }

func (w *writer) id() int64     { return int64(w.Uint64()) } //nolint:gosec // any bits make an id
func (w *writer) time() int64   { return 1700000000000 + w.Int64N(1e10) }
func (w *writer) degree() int64 { return 10 + w.Int64N(80) }
func (w *writer) bool() bool    { return w.IntN(2) == 0 }

func (w *writer) pick(from ...string) string { return from[w.IntN(len(from))] }

func (w *writer) word() string {
	return w.pick("checkout", "blue", "summer sale", "Zürich", "list\\/detail", "v2", "new", "größer", "homepage", "A-17", "カート", "premium", "\\\"quoted\\\"", "north")
}

func (w *writer) event(dropped bool) {
	w.put(`{"data":{`)
	kind := w.pick("custom_event", "custom_event", "screen_view", "commerce_event")
	switch {
	case dropped:
		kind = "user_attribute_change"
		w.put(`"user_attribute_name":"favourite %s","new":"%s","old":null,"deleted":false,"is_new_attribute":%t,`, w.word(), w.word(), w.bool())
	case kind == "custom_event":
		w.put(`"event_name":"%s %s","custom_event_type":"%s","custom_flags":null,`, w.word(), w.word(), w.pick("navigation", "other", "location"))
	case kind == "screen_view":
		w.put(`"screen_name":"%s\/%s","activity_type":"activity_started","custom_flags":null,`, w.word(), w.word())
	default:
		w.put(`"currency_code":"EUR","screen_name":null,"promotion_action":null,"product_action":{"action":"purchase","total_amount":%d.50,`+
			`"products":[{"id":"%d","name":"%s","price":%d.90,"quantity":%d}]},`, w.IntN(500), w.Uint32(), w.word(), w.IntN(90), w.IntN(5))
	}
	w.put(`"custom_attributes":{"%s":"%s","position":"%d","signed_in":%t,"referrer":null},`, w.pick("campaign", "colour", "category"), w.word(), w.IntN(40), w.bool())
	w.put(`"event_num":%d,"view_controller":null,"is_main_thread":null,"canonical_name":null,"is_goal_defined":%t,`, w.IntN(99), w.bool())
	w.put(`"source_message_id":"%08x-1c2d-4e3f-8a9b-%012x",`, w.Uint32(), w.Uint64()>>16)
	if w.IntN(3) == 0 {
		w.put(`"location":{"latitude":%d.%06d,"longitude":-%d.%06d,"accuracy":%d.5},`, w.degree(), w.IntN(1e6), w.degree(), w.IntN(1e6), w.IntN(90))
	} else {
		w.put(`"location":null,`)
	}
	w.put(`"event_id":"%d","timestamp_unixtime_ms":"%d","event_start_unixtime_ms":"%d",`, w.id(), w.time(), w.time())
	w.put(`"session_id":"%d","session_start_unixtime_ms":"%d","session_uuid":"%08x-5e6f-4a7b-8c9d-%012x",`, w.id(), w.time(), w.Uint32(), w.Uint64()>>16)
	w.put(`"data_connection_type":"%s","page_url":null`, w.pick("wifi", "mobile"))
	w.put(`},"event_type":"%s"}`, kind)
}

func (w *writer) envelope() {
	w.put(`"device_info":{"brand":"%s","product":"dm3q","device":"%s's phone","device_manufacturer":"samsung","platform":"Android",`, w.word(), w.word())
	w.put(`"os_version":"14","device_model":"SM-S918B","screen_height":2316,"screen_width":1080,"screen_dpi":450,"device_country":"CH",`)
	w.put(`"locale_language":"de","locale_country":"CH","network_country":"ch","network_carrier":"%s","network_code":"0%d",`, w.word(), w.IntN(9))
	w.put(`"timezone_offset":%d,"android_uuid":"%016x","is_tablet":false,"is_dst":%t,"push_token":"<%x %x>"},`, w.IntN(12), w.Uint64(), w.bool(), w.Uint64(), w.Uint64())
	w.put(`"application_info":{"application_name":"%s","application_version":"5.%d.1","package":"com.example.shop","sdk_version":"5.6%d.0","os":"Android"},`, w.word(), w.IntN(99), w.IntN(9))
	w.put(`"user_attributes":{"$firstname":"%s","$city":"Zürich","tier":"%s","visits":"%d","interests":["%s","%s"],"newsletter":true,"age":null},`, w.word(), w.word(), w.IntN(500), w.word(), w.word())
	w.put(`"deleted_user_attributes":[],"user_identities":[{"identity_type":"customer_id","identity":"%d","timestamp_unixtime_ms":"%d"},`, w.id(), w.time())
	w.put(`{"identity_type":"email","identity":"user%d@example.com","timestamp_unixtime_ms":"%d"}],`, w.Uint32(), w.time())
	w.put(`"environment":"production","mpid":%d,"ip":"203.0.113.%d","mp_deviceid":"%08x-77aa-4b1c-9d2e-%012x",`, w.id(), w.IntN(255), w.Uint32(), w.Uint64()>>16)
	w.put(`"context":{"data_plan":{"plan_id":"shop_plan","plan_version":%d},"location":{"latitude":%d.%06d,"longitude":%d.%06d}},`, w.IntN(20), w.degree(), w.IntN(1e6), w.degree(), w.IntN(1e6))
	w.put(`"consent_state":{"gdpr":{"analytics":{"consented":%t,"document":"v%d","timestamp_unixtime_ms":"%d","location":"%s"}}},`, w.bool(), w.IntN(9), w.time(), w.word())
	w.put(`"source_info":{"channel":"native","partner":null,"replay_request_id":null,"replay_job_id":null,"is_historical":false},`)
	w.put(`"integration_attributes":{"128":{"client_id":"%x"}},"partner_identities":null,"system_notifications":[],"attribution_info":null,`, w.Uint64())
	w.put(`"schema_version":2,"batch_id":"%d","message_id":"%08x-aaaa-4bbb-8ccc-%012x","message_type":"events",`, w.id(), w.Uint32(), w.Uint64()>>16)
	w.put(`"source_request_id":null,"timestamp_unixtime_ms":"%d","unique_id":"%x"`, w.time(), w.Uint64())
}

// makeBatches makes n different batches. Those of 10 events have the size that
// the project's cost is stated for.
func makeBatches(n, events int, withDropped bool) [][]byte {
	var list [][]byte
	for seed := uint64(1); len(list) < n; seed++ {
		data := makeBatch(seed, events, withDropped)
		if events != 10 || len(data) >= smallest && len(data) <= largest {
			list = append(list, data)
		}
	}
	return list
}

// The size of a batch of 10 events: 9.0 to 9.6 KB, be a KB 1,000 bytes or 1,024.
const smallest, largest = 9 << 10, 9_600

func TestMakeBatch_looksLikeARealOne(t *testing.T) {
	for _, data := range makeBatches(32, 10, true) {
		b, err := batch.Parse(data)
		require.NoError(t, err)
		assert.Equal(t, 10, b.NumEvents())
		members, longest := count(parseTree(data))
		assert.GreaterOrEqual(t, members, 300)
		assert.LessOrEqual(t, longest, 120, "of a string")
	}
	assert.Equal(t, makeBatch(7, 3, true), makeBatch(7, 3, true))
}

// count returns how many members n has within, and the length of its longest
// string.
func count(n *node) (members, longest int) {
	longest = len(n.text)
	for _, m := range n.members {
		inside, long := count(m.value)
		members, longest = members+1+inside, max(longest, len(m.text), long)
	}
	for _, item := range n.items {
		inside, long := count(item)
		members, longest = members+inside, max(longest, long)
	}
	return members, longest
}

// The structs that the cost is compared with must not save work by leaving
// members out.
func TestPlainBatch_coversAllMembers(t *testing.T) {
	for _, data := range slices.Concat(makeBatches(8, 10, true), makeBatches(8, 10, false)) {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		var plain plainBatch
		require.NoError(t, dec.Decode(&plain))
		again, err := json.Marshal(plain)
		require.NoError(t, err)
		assert.Equal(t, withoutNulls(t, data), withoutNulls(t, again))
	}
}

// withoutNulls decodes a batch without the members that omitempty leaves out.
func withoutNulls(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(data, &v))
	var clean func(v any) any
	clean = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				if value = clean(value); value == nil {
					delete(v, name)
				} else {
					v[name] = value
				}
			}
		case []any:
			for i := range v {
				v[i] = clean(v[i])
			}
			if len(v) == 0 {
				return nil
			}
		}
		return v
	}
	return clean(v)
}
