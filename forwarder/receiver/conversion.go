package receiver

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/eventferry/eventferry/batch"
)

// A conversion makes of batches, as server SDKs post them, what mParticle's outputs
// have.
type conversion struct {
	apiKey     string
	inbound    bool // leave the format
	historical bool
	received   time.Time

	err error // of an edit, which cannot fail
}

const (
	minHistoricalAge = 72 * time.Hour // as mParticle demands

	timestampName = "timestamp_unixtime_ms"
)

// convert returns the batch for the forwarder. It edits b. An error is a
// [*batch.Error] and says what is wrong with the batch.
func (c *conversion) convert(b *batch.Batch) (*batch.Batch, error) {
	if err := c.check(b); err != nil {
		return nil, err
	}
	if err := c.environment(b); err != nil {
		return nil, err
	}
	for _, name := range []string{"api_key", "api_keys"} { // credentials
		c.remove(b.At(name))
	}
	for _, e := range b.Events() {
		v := e.At("event_type")
		if text, _ := v.Text(); text != strings.ToLower(text) {
			c.set(v, strings.ToLower(text))
		}
	}
	if !c.inbound {
		c.members(b)
	}
	if c.err != nil {
		return nil, &batch.Error{Reason: "cannot be converted"} // as deep as may be, and one deeper
	}
	return withNumberID(b), nil
}

// withNumberID returns the batch with its mpid as a number, or without one that
// means no user.
func withNumberID(b *batch.Batch) *batch.Batch {
	id, known := b.UserID()
	raw, sole := b.At("mpid").Sole()
	if known && (!sole || raw[0] == '"') || !known && b.At("mpid").Exists() {
		return b.WithUserID(id)
	}
	return b
}

// check refuses what the Events API refuses and a batch may be.
func (c *conversion) check(b *batch.Batch) error {
	if c.historical && b.NumEvents() == 0 {
		return &batch.Error{Member: "events", Reason: "historical data without events"}
	}
	for i, e := range b.Events() {
		data := e.At("data")
		member := "events[" + strconv.Itoa(i) + "]"
		if raw := data.Raw(); len(raw) == 0 || raw[0] != '{' {
			return &batch.Error{Offset: offsetOf(e.At()), Member: member + ".data", Reason: "missing, or not an object"}
		}
		if !c.historical {
			continue
		}
		at, ok := data.At(timestampName).Int64()
		if !ok || at == 0 {
			return &batch.Error{Offset: offsetOf(data), Member: member + ".data." + timestampName, Reason: "historical data needs one"}
		}
		if c.received.Sub(time.UnixMilli(at)) < minHistoricalAge {
			return &batch.Error{Offset: offsetOf(data.At(timestampName)), Member: member + ".data." + timestampName, Reason: "historical data must be 72 hours old"}
		}
	}
	return nil
}

func offsetOf(v batch.Value) int64 {
	offset, _ := v.Offset()
	return int64(offset)
}

// environment gives the member its lower-case form, or its default.
func (c *conversion) environment(b *batch.Batch) error {
	v := b.At("environment")
	if isNull(v) {
		if !c.inbound {
			c.set(v, "production")
		}
		return nil
	}
	text, _ := v.Text()
	switch lower := strings.ToLower(text); lower {
	case text:
	case "production", "development":
		c.set(v, lower)
	}
	if text = strings.ToLower(text); text != "production" && text != "development" {
		return &batch.Error{Offset: offsetOf(v), Member: "environment", Reason: "neither production nor development"}
	}
	return nil
}

// members does all that the format asks for.
func (c *conversion) members(b *batch.Batch) {
	ids := c.newIDs(b)
	c.identities(b)
	for _, at := range []batch.Value{b.At("device_info"), b.At("application_info")} {
		c.enums(at)
		c.dropUnset(at)
	}
	c.dropUnset(b.At())
	now := c.quoted(c.received.UnixMilli())
	starts := map[string]json.RawMessage{} // of the batch's sessions
	for i, e := range b.Events() {
		c.event(e, ids.event(i), now)
		if uuid, ok := e.At("data", "session_uuid").Text(); ok && e.Type() == batch.SessionStart {
			starts[uuid] = json.RawMessage(e.At("data", timestampName).Raw())
		}
	}
	for _, e := range b.Events() {
		c.session(e.At("data"), starts)
	}
	c.quoteOr(b.At("batch_id"), ids.batch)
	if isNull(b.At("message_id")) {
		c.set(b.At("message_id"), ids.message)
	}
	if isNull(b.At("message_type")) {
		c.set(b.At("message_type"), "events")
	}
	if isNull(b.At("schema_version")) {
		c.set(b.At("schema_version"), 2)
	}
	c.set(b.At(timestampName), now)
	c.set(b.At("source_info"), json.RawMessage(`{"channel":"server_to_server","partner":null,"replay_request_id":null,"replay_job_id":null,"is_historical":`+
		strconv.FormatBool(c.historical)+`}`))
}

// event does what the format asks for in one event.
func (c *conversion) event(e batch.Event, id string, now json.RawMessage) {
	data := e.At("data")
	change := e.Type() == batch.UserAttributeChange || e.Type() == batch.UserIdentityChange
	for name, v := range data.All() {
		switch {
		case change && (name == "new" || name == "old"):
			c.enums(v)
		case isUnset(v):
			c.remove(v)
		case name == "product_action" || name == "promotion_action" || name == "device_current_state":
			c.enums(v)
			c.dropUnset(v)
			c.products(v.At("products"))
		case name == "product_impressions":
			for _, impression := range v.All() {
				c.dropUnset(impression)
				c.products(impression.At("products"))
			}
		}
	}
	c.enums(data)
	c.quoteOr(data.At("event_id"), id)
	c.quoteOrSet(data.At(timestampName), now)
	c.quoteOrSet(data.At("event_start_unixtime_ms"), json.RawMessage(data.At(timestampName).Raw()))
}

func (c *conversion) products(list batch.Value) {
	for _, product := range list.All() {
		c.dropUnset(product)
		c.quote(product.At("added_to_cart_time_ms"))
	}
}

// session derives what mParticle adds to events of a session.
func (c *conversion) session(data batch.Value, starts map[string]json.RawMessage) {
	id := data.At("session_id")
	uuid, hasUUID := data.At("session_uuid").Text()
	switch {
	case !isZero(id):
		c.quote(id)
	case hasUUID && uuid != "":
		c.set(id, c.quoted(positive(digest("session_id", uuid))))
	default:
		c.remove(id)
	}
	start := data.At("session_start_unixtime_ms")
	switch {
	case !isZero(start):
		c.quote(start)
	case hasUUID && starts[uuid] != nil:
		c.set(start, starts[uuid])
	default:
		c.remove(start)
	}
}

// identities makes the object of identities a list.
func (c *conversion) identities(b *batch.Batch) {
	all := b.At("user_identities")
	if raw := all.Raw(); len(raw) == 0 || raw[0] != '{' {
		return
	}
	list := []byte{'['}
	for name, v := range all.All() {
		raw := v.Raw()
		if string(raw) == "null" || string(raw) == `""` {
			continue
		}
		if len(list) > 1 {
			list = append(list, ',')
		}
		list = append(list, `{"identity_type":`...)
		kind, err := json.Marshal(identityType(name))
		c.note(err)
		list = append(append(append(list, kind...), `,"identity":`...), raw...)
		list = strconv.AppendInt(append(list, `,"timestamp_unixtime_ms":`...), c.received.UnixMilli(), 10)
		list = append(list, '}')
	}
	if len(list) == 1 {
		c.remove(all)
		return
	}
	c.set(all, json.RawMessage(append(list, ']')))
}

// identityType returns the name that outgoing batches have for a type of identity:
// some SDKs write "customerid".
func identityType(name string) string {
	if strings.EqualFold(name, "customerid") {
		return "customer_id"
	}
	return wireForm("identity_type", name)
}

// quoteOr puts an integer in quotes, or sets id where there is none.
func (c *conversion) quoteOr(v batch.Value, id string) { c.quoteOrSet(v, json.RawMessage(`"`+id+`"`)) }

func (c *conversion) quoteOrSet(v batch.Value, otherwise json.RawMessage) {
	if isZero(v) {
		c.set(v, otherwise)
		return
	}
	c.quote(v)
}

// quote puts an integer in quotes, in which outgoing batches have those of 64 bits.
func (c *conversion) quote(v batch.Value) {
	raw := v.Raw()
	if _, ok := v.Int64(); ok && raw[0] != '"' {
		c.set(v, json.RawMessage(`"`+string(raw)+`"`))
	}
}

func (c *conversion) quoted(n int64) json.RawMessage {
	return json.RawMessage(`"` + strconv.FormatInt(n, 10) + `"`)
}

func (c *conversion) set(v batch.Value, x any) { c.note(v.Set(x)) }

func (c *conversion) remove(v batch.Value) { c.note(v.Remove()) }

// note takes note of the first edit that failed.
func (c *conversion) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

func isNull(v batch.Value) bool {
	raw := v.Raw()
	return raw == nil || string(raw) == "null"
}

// isZero reports whether an id or a time says nothing: SDKs write 0 for none.
func isZero(v batch.Value) bool {
	n, ok := v.Int64()
	text, isText := v.Text()
	return isNull(v) || ok && n == 0 || isText && text == ""
}

// dropUnset removes the members of an object that say nothing. The Java SDK writes
// null, {} and [] for all that was not set, where others write nothing.
func (c *conversion) dropUnset(object batch.Value) {
	for name, v := range object.All() {
		if name != "" && name != "events" && name != "mpid" && name != "event_type" && isUnset(v) {
			c.remove(v)
		}
	}
}

func isUnset(v batch.Value) bool {
	raw := v.Raw()
	if len(raw) == 0 {
		return false
	}
	switch raw[0] {
	case 'n':
		return true
	case '{', '[':
		return len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
	}
	return false
}
