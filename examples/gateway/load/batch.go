package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
)

// A workload makes batches that say which one they are. Each caller has users of its
// own, and posts their batches one after the other, so that their order is known.
type workload struct {
	templates [][]byte
	stored    [][]byte // templates without what settings remove, by default mp_deviceid
	users     int      // of a caller
}

const (
	batchBytes = 9 << 10
	templates  = 512 // a record batch compresses as it would with batches that all differ
)

func newWorkload(users int) *workload {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it is no secret
	w := &workload{users: users}
	for range templates {
		t := template(r)
		w.templates = append(w.templates, t)
		w.stored = append(w.stored, deviceID.ReplaceAll(t, nil))
	}
	return w
}

// batch appends batch number n of a caller.
func (w *workload) batch(dst []byte, caller, n int) []byte {
	return w.text(dst, w.templates, caller, n)
}

// message appends what Kafka must have of that batch.
func (w *workload) message(dst []byte, caller, n int) []byte {
	return w.text(dst, w.stored, caller, n)
}

var deviceID = regexp.MustCompile(`"mp_deviceid":"[^"]*",`)

func (w *workload) text(dst []byte, of [][]byte, caller, n int) []byte {
	dst = fmt.Appendf(dst, `{"mpid":%d,"message_id":"%d-%d",`, w.user(caller, n), caller, n)
	return append(dst, of[(caller*31+n)%len(of)]...)
}

func (w *workload) user(caller, n int) int64 { return int64(1 + caller*w.users + n%w.users) }

// identify returns which batch a message is.
func identify(value []byte) (caller, n int, err error) {
	_, rest, _ := bytes.Cut(value, []byte(`"message_id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	first, second, _ := bytes.Cut(id, []byte("-"))
	if caller, err = strconv.Atoi(string(first)); err == nil {
		n, err = strconv.Atoi(string(second))
	}
	return caller, n, err
}

// template is what follows the ids in a batch as mParticle writes them: some ten
// events, with ids of 64 bits in quotes, members that are null, and words that repeat.
func template(r *rand.Rand) []byte {
	b := []byte(`"environment":"production","user_attributes":{"$City":"Zürich","plan":"gold"},"device_info":{"brand":"`)
	b = fmt.Appendf(b, `%s","os_version":"%d.%d","android_advertising_id":%q,"network_carrier":null,"platform":"Android"},"mp_deviceid":%q,`,
		word(r), r.IntN(15), r.IntN(9), uuid(r), uuid(r))
	b = fmt.Appendf(b, `"ip":"%d.%d.%d.%d","timestamp_unixtime_ms":"%d","batch_id":"%d","message_type":"events","schema_version":2,"events":[`,
		r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), r.Int64N(1e12), r.Uint64()>>1)
	for i := 0; len(b) < batchBytes-400; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"event_type":%q,"data":{"event_id":"%d","source_message_id":%q,"timestamp_unixtime_ms":"%d","event_num":%d,"session_id":"%d","session_uuid":%q`,
			eventType(r), r.Uint64()>>1, uuid(r), r.Int64N(1e12), i+1, r.Uint64()>>1, uuid(r))
		b = fmt.Appendf(b, `,"event_name":"Viewed %s","custom_attributes":{"%s_1":"%s %s","%s_2":"%s","referrer":"https:\/\/example.com\/%s\/%s"}`,
			word(r), word(r), word(r), word(r), word(r), word(r), word(r), word(r))
		b = fmt.Appendf(b, `,"location":{"latitude":%d.%05d,"longitude":-%d.%05d,"accuracy":%d.0,"country_code":null}`,
			r.IntN(90), r.IntN(1e5), r.IntN(180), r.IntN(1e5), r.IntN(50))
		b = fmt.Appendf(b, `,"device_current_state":{"battery_level":0.%02d,"data_connection_type":"wifi","gps_state":null}`, r.IntN(100))
		b = append(b, `,"custom_flags":null,"is_goal_defined":false,"lifetime_value_change":null,"canonical_name":null}}`...)
	}
	return append(b, `],"consent_state":null,"integration_attributes":null,"partner_identities":null}`...)
}

func eventType(r *rand.Rand) string {
	return []string{"custom_event", "custom_event", "custom_event", "screen_view", "screen_view", "commerce_event", "session_start"}[r.IntN(7)]
}

func word(r *rand.Rand) string {
	return []string{"alpha", "harbor", "linen", "maple", "orbit", "pixel", "quartz", "river", "saffron", "timber", "violet", "walnut"}[r.IntN(12)]
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), r.Uint64()>>16)
}
