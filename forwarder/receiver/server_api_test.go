package receiver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// Five SDKs write one batch in five ways; it becomes one message.
func TestServerAPI_fiveSDKsGiveOneMessage(t *testing.T) {
	const want = `{"events":[` +
		`{"data":{"timestamp_unixtime_ms":"1600000000000","event_start_unixtime_ms":"1600000000000","session_uuid":"s-1","session_id":SESSION,"session_start_unixtime_ms":"1600000000000","event_id":EVENT0},"event_type":"session_start"},` +
		`{"data":{"timestamp_unixtime_ms":"1600000001000","event_start_unixtime_ms":"1600000001000","session_uuid":"s-1","session_id":SESSION,"session_start_unixtime_ms":"1600000000000","event_id":EVENT1,"custom_event_type":"search","event_name":"a < b & c","custom_attributes":{"Größe":"1.50"}},"event_type":"custom_event"},` +
		`{"data":{"timestamp_unixtime_ms":"1600000002000","event_start_unixtime_ms":"1600000002000","session_uuid":"s-1","session_id":SESSION,"session_start_unixtime_ms":"1600000000000","event_id":EVENT2,"product_action":{"action":"purchase","transaction_id":"t-1","total_amount":12.5,"products":[{"id":"p-1","price":12.5,"quantity":1,"added_to_cart_time_ms":"1600000000500"}]}},"event_type":"commerce_event"},` +
		`{"data":{"timestamp_unixtime_ms":"1600000003000","event_start_unixtime_ms":"1600000003000","session_uuid":"s-1","session_id":SESSION,"session_start_unixtime_ms":"1600000000000","event_id":EVENT3,"application_transition_type":"application_initialized","is_first_run":true},"event_type":"application_state_transition"}],` +
		`"source_request_id":"req-1","environment":"development","ip":"203.0.113.9","device_info":{"platform":"iOS","os_version":"17"},"application_info":{"os":"IOS","application_version":"1"},` +
		`"user_identities":[{"identity_type":"customer_id","identity":"c-1","timestamp_unixtime_ms":1700000000000},{"identity_type":"email","identity":"jane@example.com","timestamp_unixtime_ms":1700000000000}],` +
		`"user_attributes":{"plan":"gold"},"mpid":-7636538281262557001,"batch_id":BATCH,"message_id":MESSAGE,"message_type":"events","schema_version":2,"timestamp_unixtime_ms":"1700000000000",` +
		`"source_info":{"channel":"server_to_server","partner":null,"replay_request_id":null,"replay_job_id":null,"is_historical":false}}`
	for name, body := range sdkBodies() {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			says(t, b.post(eventsPath, body), http.StatusAccepted, "", "")
			require.Len(t, b.all(), 1)
			got := b.all()[0]
			parsed, err := batch.Parse([]byte(got))
			require.NoError(t, err)
			id, _ := parsed.UserID()
			assert.Equal(t, int64(-7636538281262557001), id)
			assert.Equal(t, "-7636538281262557001", string(parsed.At("mpid").Raw()), "no digit is lost")

			// The derived ids are what they are; what matters is their form, and that
			// they are the same for all SDKs.
			var session string
			for _, e := range parsed.Events() {
				session = string(e.At("data", "session_id").Raw())
			}
			filled := strings.NewReplacer("SESSION", session, "BATCH", string(parsed.At("batch_id").Raw()),
				"MESSAGE", string(parsed.At("message_id").Raw())).Replace(want)
			for i, e := range parsed.Events() {
				id := string(e.At("data", "event_id").Raw())
				assert.Regexp(t, `^"[1-9][0-9]{18}"$`, id)
				filled = strings.ReplaceAll(filled, fmt.Sprintf("EVENT%d", i), id)
			}
			assert.JSONEq(t, filled, got)
			assert.Regexp(t, `^"[1-9][0-9]{18}"$`, string(parsed.At("batch_id").Raw()))
			assert.Regexp(t, `^"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`, string(parsed.At("message_id").Raw()))
		})
	}

	// And all of them are the same, ids included.
	var all []any
	for name, body := range sdkBodies() {
		b := newBench(t)
		says(t, b.post(eventsPath, body), http.StatusAccepted, "", "")
		var v any
		require.NoError(t, json.Unmarshal([]byte(b.all()[0]), &v))
		all = append(all, v)
		assert.Equal(t, all[0], v, name)
	}
	require.Len(t, all, 5)
}

func TestServerAPI_conversion(t *testing.T) {
	const event = `{"event_type":"custom_event","data":{"timestamp_unixtime_ms":"5","event_start_unixtime_ms":"4","event_id":"9"}}`
	const tail = `"batch_id":"1","message_id":"m","message_type":"events","schema_version":2,"timestamp_unixtime_ms":"1700000000000",` +
		`"source_info":{"channel":"server_to_server","partner":null,"replay_request_id":null,"replay_job_id":null,"is_historical":false}`
	for name, tt := range map[string]struct{ in, want string }{
		"what is unknown stays":         {`{"n":1.50,"caf\u00e9":[ null ],"n":2}`, `{"n":1.50,"caf\u00e9":[ null ],"n":2,"environment":"production"`},
		"credentials go":                {`{"api_key":"k","api\u005fkeys":["k"],"a":1,"api_key":2}`, `{"a":1,"environment":"production"`},
		"identities that are a list":    {`{"user_identities":[{"identity_type":"email"}]}`, `{"user_identities":[{"identity_type":"email"}],"environment":"production"`},
		"identities without a value":    {`{"user_identities":{"email":null,"other":""}}`, `{"environment":"production"`},
		"a type in upper case":          {`{"user_identities":{"OTHER_ID_2":"x"}}`, `{"user_identities":[{"identity_type":"other_id_2","identity":"x","timestamp_unixtime_ms":1700000000000}],"environment":"production"`},
		"no user":                       {`{"mpid":"0","a":1}`, `{"a":1,"environment":"production"`},
		"a null user":                   {`{"mpid":null}`, `{"environment":"production"`},
		"a user twice":                  {`{"mpid":7,"mpid":"7","environment":"Production"}`, `{"mpid":7,"environment":"production"`},
		"what the sender says of it":    {`{"source_info":{"channel":"native"},"timestamp_unixtime_ms":5}`, `{"environment":"production"`},
		"a schema version":              {`{"schema_version":null}`, `{"environment":"production"`},
		"an empty list of events stays": {`{"events":[]}`, `{"events":[],"environment":"production"`},
		"attributes are the user's": {`{"user_attributes":{"a":null,"b":[],"c":{}}}`,
			`{"user_attributes":{"a":null,"b":[],"c":{}},"environment":"production"`},
		"an event": {`{"events":[` + event + `]}`, `{"events":[` + event + `],"environment":"production"`},
		"times and ids that say nothing": {`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":0,"event_id":9,"session_id":0,"session_start_unixtime_ms":null,"a":1}}]}`,
			`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":"1700000000000","event_id":"9","a":1,"event_start_unixtime_ms":"1700000000000"}}],"environment":"production"`},
		"a session of its own": {`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":5,"event_id":9,"session_id":-3,"session_uuid":"u","session_start_unixtime_ms":4}}]}`,
			`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":"5","event_id":"9","session_id":"-3","session_uuid":"u","session_start_unixtime_ms":"4","event_start_unixtime_ms":"5"}}],"environment":"production"`},
		"changes keep null": {`{"events":[{"event_type":"USER_ATTRIBUTE_CHANGE","data":{"timestamp_unixtime_ms":5,"event_id":9,"new":[],"old":null,"deleted":null}}]}`,
			`{"events":[{"event_type":"user_attribute_change","data":{"timestamp_unixtime_ms":"5","event_id":"9","new":[],"old":null,"event_start_unixtime_ms":"5"}}],"environment":"production"`},
		"a session that began before": {`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":5,"event_id":9,"session_id":3,"session_uuid":"u"}}]}`,
			`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":"5","event_id":"9","session_id":"3","session_uuid":"u","event_start_unixtime_ms":"5"}}],"environment":"production"`},
		"changes of identities keep null": {`{"events":[{"event_type":"user_identity_change","data":{"timestamp_unixtime_ms":5,"event_id":9,"new":{"identity_type":"CUSTOMER_ID","identity":"c"},"old":null}}]}`,
			`{"events":[{"event_type":"user_identity_change","data":{"timestamp_unixtime_ms":"5","event_id":"9","new":{"identity_type":"customer_id","identity":"c"},"old":null,"event_start_unixtime_ms":"5"}}],"environment":"production"`},
		"other constants": {`{"device_info":{"platform":"FIRE_TV","x":null},"application_info":{"os":"FIRE_TV"},"events":[{"event_type":"PROFILE","data":{"timestamp_unixtime_ms":5,"event_id":9,"profile_event_type":"LOGOUT","custom_event_type":"Mine","device_current_state":{"device_orientation":"FACE_UP"}}}]}`,
			`{"device_info":{"platform":"fire_tv"},"application_info":{"os":"FireTV"},"events":[{"event_type":"profile","data":{"timestamp_unixtime_ms":"5","event_id":"9","profile_event_type":"logout","custom_event_type":"Mine","device_current_state":{"device_orientation":"FaceUp"},"event_start_unixtime_ms":"5"}}],"environment":"production"`},
		"numbers that are no times": {`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":1.5,"event_id":9,"event_num":3}}]}`,
			`{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":1.5,"event_id":"9","event_num":3,"event_start_unixtime_ms":1.5}}],"environment":"production"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			body := strings.TrimSuffix(tt.in, "}") + `,"batch_id":1,"message_id":"m"}`
			says(t, b.post(eventsPath, body), http.StatusAccepted, "", "")
			want := strings.Replace(tt.want, `,"environment":"production"`, `,"batch_id":"1","message_id":"m","environment":"production"`, 1)
			want = strings.Replace(want, `{"environment":"production"`, `{"batch_id":"1","message_id":"m","environment":"production"`, 1)
			if strings.Contains(tt.in, `"environment"`) || strings.Contains(tt.in, `"schema_version"`) || strings.Contains(tt.in, `"source_info"`) {
				assert.JSONEq(t, tt.want+","+tail+"}", b.all()[0])
				return
			}
			rest := strings.Replace(tail, `"batch_id":"1","message_id":"m",`, ``, 1)
			assert.Equal(t, want+","+rest+"}", b.all()[0])
		})
	}
}

// What a sender says of these stays.
func TestServerAPI_givenIDs(t *testing.T) {
	b := newBench(t)
	says(t, b.post(eventsPath, `{"message_type":"mine","message_id":"m","batch_id":"-5","schema_version":1,"source_request_id":"r"}`), http.StatusAccepted, "", "")
	for name, want := range map[string]string{"message_type": `"mine"`, "message_id": `"m"`, "batch_id": `"-5"`, "schema_version": "1"} {
		assert.Equal(t, want, member(t, b.all()[0], name))
	}
}

func TestServerAPI_inboundFormat(t *testing.T) {
	b := newBench(t, WithInboundFormat())
	says(t, b.post(eventsPath, `{"user_identities":{"customerid":"c"},"mpid":"7","api_key":"k","environment":"DEVELOPMENT","batch_id":null,"events":[{"event_type":"CUSTOM_EVENT","data":{"session_id":0}}]}`),
		http.StatusAccepted, "", "")
	assert.Equal(t, []string{`{"user_identities":{"customerid":"c"},"mpid":7,"environment":"development","batch_id":null,"events":[{"event_type":"custom_event","data":{"session_id":0}}]}`}, b.all())
	says(t, b.post(eventsPath, `{"a":1}`), http.StatusAccepted, "", "")
	assert.Equal(t, `{"a":1}`, b.all()[1])
}

func TestServerAPI_statusTable(t *testing.T) {
	for name, tt := range map[string]struct {
		path, body    string
		status        int
		code, message string
		opts          []Option
	}{
		"no JSON":                  {path: eventsPath, body: `{"a":NaN}`, status: 400, code: codeBadRequest, message: "not JSON (depth 1) at byte 5"},
		"an array":                 {path: eventsPath, body: `[]`, status: 400, code: codeBadRequest, message: "not a JSON object at byte 0"},
		"nothing":                  {path: eventsPath, body: ``, status: 400, code: codeBadRequest, message: "unexpected end"},
		"no event_type":            {path: eventsPath, body: `{"events":[{"data":{}}]}`, status: 400, code: codeBadRequest, message: "events[0].event_type: missing"},
		"no data":                  {path: eventsPath, body: `{"events":[{"event_type":"a","data":{}},{"event_type":"b"}]}`, status: 400, code: codeBadRequest, message: "events[1].data: missing, or not an object at byte 40"},
		"null data":                {path: eventsPath, body: `{"events":[{"event_type":"b","data":null}]}`, status: 400, code: codeBadRequest, message: "events[0].data: missing, or not an object at byte 11"},
		"bad mpid":                 {path: eventsPath, body: `{"mpid":"jane@example.com"}`, status: 400, code: codeBadRequest, message: "mpid: not a 64-bit integer at byte 8"},
		"bad environment":          {path: eventsPath, body: `{"environment" : "jane@example.com"}`, status: 400, code: codeBadRequest, message: "environment: neither production nor development at byte 17"},
		"environment of no text":   {path: eventsPath, body: `{"environment":7}`, status: 400, code: codeBadRequest, message: "environment"},
		"too long":                 {path: eventsPath, body: strings.Repeat("x", 1<<20+1), status: 413, code: codeTooLarge, message: "more than 1048576 bytes"},
		"bulk: an object":          {path: bulkPath, body: `{}`, status: 400, code: codeBadRequest, message: "not a JSON array"},
		"bulk: nothing":            {path: bulkPath, body: ``, status: 400, code: codeBadRequest, message: "not a JSON array"},
		"bulk: empty":              {path: bulkPath, body: `[]`, status: 400, code: codeBadRequest, message: "no batches"},
		"bulk: too many":           {path: bulkPath, body: "[" + strings.Repeat("{},", 100) + "{}]", status: 400, code: codeBadRequest, message: "more than 100 batches"},
		"bulk: where it is":        {path: bulkPath, body: `[ {"mpid":1} , {"environment" : "x"}]`, status: 400, code: codeBadRequest, message: "batch: [1]: environment: neither production nor development at byte 32", opts: []Option{WithStrictBulk()}},
		"bulk: an event of it":     {path: bulkPath, body: `[{"events":[{"event_type":"a"}]}]`, status: 400, code: codeBadRequest, message: "batch: [0]: events[0].data: missing, or not an object at byte 12"},
		"bulk: all bad":            {path: bulkPath, body: `[{"mpid":"x"},{"environment":"x"}]`, status: 400, code: codeBadRequest, message: "[0]: mpid"},
		"bulk: some bad, strict":   {path: bulkPath, body: `[{},{"mpid":"x"}]`, status: 400, code: codeBadRequest, message: "[1]: mpid", opts: []Option{WithStrictBulk()}},
		"historical, not on":       {path: historicalPath, body: `[{}]`, status: 404, code: codeNotFound},
		"historical, no events":    {path: historicalPath, body: `[{}]`, status: 400, code: codeBadRequest, message: "historical data without events", opts: []Option{WithHistorical()}},
		"historical, no time":      {path: historicalPath, body: `[{"events":[{"event_type":"x","data":{}}]}]`, status: 400, code: codeBadRequest, message: "events[0].data.timestamp_unixtime_ms", opts: []Option{WithHistorical()}},
		"historical, too new":      {path: historicalPath, body: `[{"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":1699740800001}}]}]`, status: 400, code: codeBadRequest, message: "72 hours", opts: []Option{WithHistorical()}},
		"another path":             {path: "/v2/event", body: `{}`, status: 404, code: codeNotFound},
		"a slash too many":         {path: "/v2//events", body: `{}`, status: 404, code: codeNotFound},
		"a slash behind":           {path: "/v2/events/", body: `{}`, status: 404, code: codeNotFound},
		"up and down":              {path: "/v2/../v2/events", body: `{}`, status: 404, code: codeNotFound},
		"an escape":                {path: "/v2/%65vents", body: `{}`, status: 404, code: codeNotFound},
		"an escaped slash":         {path: "/v2%2fevents", body: `{}`, status: 404, code: codeNotFound},
		"a query is no part of it": {path: "/v2/events?x=1", body: `{}`, status: 202},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.opts...)
			says(t, b.post(tt.path, tt.body), tt.status, tt.code, tt.message)
			if tt.status != 202 {
				assert.Empty(t, b.all(), "nothing of it is forwarded")
			}
			if tt.status == 400 || tt.status == 413 {
				require.NotEmpty(t, b.quarantined())
				one := tt.path != eventsPath && (strings.Contains(tt.message, "[0]: ") || tt.path == historicalPath)
				if q := b.quarantined()[0]; !one {
					assert.Equal(t, -1, q.Index, "the whole body")
					assert.Equal(t, tt.body[:min(len(tt.body), 1<<20)], string(q.Body))
				} else {
					assert.Equal(t, 0, q.Index)
				}
			}
			assert.NotContains(t, b.log.String(), "jane")
		})
	}
}

func TestServerAPI_credentials(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		header string
		status int
	}{
		{"", 401}, {"Basic", 401}, {"Basic !!!", 401}, {"Bearer x", 401},
		{basic(apiKey, "Wrong-Secret"), 403}, {basic("other", apiSecret), 403}, {basic(apiKey, ""), 403},
		{basic("", hookSecret), 401}, // the webhook's secret opens no other door
		{basic(apiKey, apiSecret), 202},
	} {
		req := request(http.MethodPost, eventsPath, strings.NewReader(`{}`))
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		w := do(b.server, req)
		assert.Equal(t, tt.status, w.Code, tt.header)
		assert.Equal(t, tt.status == 401, w.Header().Get("WWW-Authenticate") != "")
		if tt.status != 202 {
			assert.NotEmpty(t, problems(t, w))
		}
	}
	for _, secret := range append(payload, apiKey) {
		assert.NotContains(t, b.log.String(), secret)
	}
	w := do(b.server, request(http.MethodGet, eventsPath, nil))
	says(t, w, http.StatusMethodNotAllowed, codeMethod, "")
}

func basic(key, secret string) string {
	req, _ := http.NewRequest(http.MethodPost, "/", nil) //nolint:noctx // for its header only
	req.SetBasicAuth(key, secret)
	return req.Header.Get("Authorization")
}

func TestServerAPI_bulkKeepsTheGoodOnes(t *testing.T) {
	b := newBench(t, WithInboundFormat())
	says(t, b.post(bulkPath, `[{"mpid":1},{"mpid":"jane@example.com"},{"mpid":"3"},{"events":[{"event_type":"a"}]}]`), http.StatusAccepted, "", "")
	assert.Equal(t, []string{`{"mpid":1}`, `{"mpid":3}`}, b.all())
	require.Len(t, b.quarantined(), 2)
	assert.Equal(t, 1, b.quarantined()[0].Index)
	assert.Equal(t, `{"mpid":"jane@example.com"}`, string(b.quarantined()[0].Body))
	assert.Equal(t, 3, b.quarantined()[1].Index)
	assert.Equal(t, `{"events":[{"event_type":"a"}]}`, string(b.quarantined()[1].Body))

	// Those that are refused are named in the order of the request.
	w := b.post(bulkPath, `[{"environment":"x"},{"mpid":"y"},{"events":[{"event_type":"a"}]}]`)
	says(t, w, http.StatusBadRequest, codeBadRequest, "")
	for i, want := range []string{"batch: [0]: environment: ", "batch: [1]: mpid: ", "batch: [2]: events[0].data: "} {
		assert.Contains(t, problems(t, w)[i].Message, want)
	}
	require.Len(t, b.quarantined(), 5)

	// One that Kafka refuses is like a bad one.
	b.fail(func(x *batch.Batch) error {
		if id, _ := x.UserID(); id == 5 {
			return &forwarder.TooLargeError{Event: -1, Size: 9, Limit: 8}
		}
		return nil
	})
	says(t, b.post(bulkPath, `[{"mpid":4},{"mpid":"5"}]`), http.StatusAccepted, "", "")
	require.Len(t, b.quarantined(), 6)
	assert.Equal(t, `{"mpid":"5"}`, string(b.quarantined()[5].Body), "as it came")
	says(t, b.post(bulkPath, `[{"mpid":5}]`), http.StatusRequestEntityTooLarge, codeTooLarge, "batch: [0]: ")
	says(t, b.post(eventsPath, `{"mpid":5}`), http.StatusRequestEntityTooLarge, codeTooLarge, "9 bytes, the limit is 8")
}

// A bulk request that was kept in part, and comes again, brings the rest only.
func TestServerAPI_bulkThatComesAgain(t *testing.T) {
	b := newBench(t, WithInboundFormat())
	const body = `[{"mpid":1},{"mpid":2},{"mpid":3},{"mpid":1}]`
	down := true
	b.fail(func(x *batch.Batch) error {
		if id, _ := x.UserID(); id == 2 && down {
			return errDown
		}
		return nil
	})
	w := b.post(bulkPath, body)
	says(t, w, http.StatusServiceUnavailable, codeUnavailable, "")
	assert.Regexp(t, `^([5-9]|10)$`, w.Header().Get("Retry-After"))
	says(t, b.post(bulkPath, body), http.StatusServiceUnavailable, codeUnavailable, "")
	down = false
	says(t, b.post(bulkPath, body), http.StatusAccepted, "", "")
	assert.Equal(t, []string{`{"mpid":1}`, `{"mpid":3}`, `{"mpid":1}`, `{"mpid":2}`}, b.all())

	// Once it is kept as a whole, the same body is another request.
	says(t, b.post(bulkPath, body), http.StatusAccepted, "", "")
	assert.Len(t, b.all(), 8)
	assert.Empty(t, b.r.bulks.claims)
	assert.Empty(t, b.r.bulks.order)
}

func TestServerAPI_bulksRememberedAreBounded(t *testing.T) {
	b := newBench(t, WithInboundFormat())
	b.fail(func(x *batch.Batch) error { return errDown })
	for i := range maxBulks + 10 {
		b.post(bulkPath, fmt.Sprintf(`[{"mpid":%d}]`, i+1))
	}
	assert.Len(t, b.r.bulks.claims, maxBulks)
	b.clock = b.clock.Add(bulksRememberedFor + time.Second)
	b.post(bulkPath, `[{"mpid":-1}]`)
	assert.Len(t, b.r.bulks.claims, 1)
}

func TestServerAPI_sourceRequestIDs(t *testing.T) {
	b := newBench(t)
	const body = `{"source_request_id":"r-1","mpid":1,"events":[{"event_type":"a","data":{}}]}`
	b.fail(func(*batch.Batch) error { return errDown })
	says(t, b.post(eventsPath, body), http.StatusServiceUnavailable, codeUnavailable, "")
	b.fail(nil)
	says(t, b.post(eventsPath, body), http.StatusAccepted, "", "")
	says(t, b.post(eventsPath, strings.Replace(body, `"mpid":1`, `"mpid":2`, 1)), http.StatusAccepted, "", "")
	assert.Equal(t, Repeated, b.lastInfo(t).Outcome)
	says(t, b.post(bulkPath, "["+body+`,{"source_request_id":"r-2"},`+body+`]`), http.StatusAccepted, "", "")
	require.Len(t, b.all(), 2)

	// Whatever repeats it elsewhere has the same ids, so that consumers can tell.
	other := newBench(t)
	other.clock = other.clock.Add(time.Hour)
	says(t, other.post(eventsPath, body), http.StatusAccepted, "", "")
	for _, name := range []string{"batch_id", "message_id"} {
		assert.Equal(t, member(t, b.all()[0], name), member(t, other.all()[0], name))
		assert.NotEqual(t, member(t, b.all()[0], name), member(t, b.all()[1], name))
	}
	for range 2 { // without an id each is another one
		says(t, b.post(eventsPath, `{"mpid":1}`), http.StatusAccepted, "", "")
	}
	require.Len(t, b.all(), 4)
	assert.NotEqual(t, member(t, b.all()[2], "batch_id"), member(t, b.all()[3], "batch_id"))
}

func member(t *testing.T, text, name string) string {
	b, err := batch.Parse([]byte(text))
	require.NoError(t, err)
	require.True(t, b.At(name).Exists())
	return string(b.At(name).Raw())
}

func TestServerAPI_identify(t *testing.T) {
	var asked []Identities
	var id int64 = 42
	b := newBench(t, WithIdentify(func(_ context.Context, ids Identities) (int64, bool, error) {
		asked = append(asked, ids)
		return id, id != 0, nil
	}))
	says(t, b.post(eventsPath, `{"mpid":7}`), http.StatusAccepted, "", "")
	assert.Empty(t, asked)
	const unknown = `{"user_identities":{"customerid":"c","email":"jane@example.com","other":null},"mp_deviceid":"d","device_info":{"ios_idfv":"v","brand":"b","amp_id":null,"android_uuid":"u"},"mpid":"0"}`
	says(t, b.post(eventsPath, unknown), http.StatusAccepted, "", "")
	assert.Equal(t, []Identities{{Feed: "sdk", User: []Identity{{"customer_id", "c"}, {"email", "jane@example.com"}}, DeviceID: "d", Device: []Identity{{"ios_idfv", "v"}, {"android_uuid", "u"}}}}, asked)
	assert.Equal(t, "42", member(t, b.all()[1], "mpid"))

	id = 0
	says(t, b.post(eventsPath, unknown), http.StatusAccepted, "", "")
	assert.NotContains(t, b.all()[2], "mpid")

	b.r.options.identify = func(context.Context, Identities) (int64, bool, error) { return 5, false, nil }
	says(t, b.post(eventsPath, unknown), http.StatusAccepted, "", "")
	assert.NotContains(t, b.all()[3], "mpid")

	b.r.options.identify = func(context.Context, Identities) (int64, bool, error) { return 5, true, errDown } // a batch without its user would lose its place among the user's
	says(t, b.post(eventsPath, unknown), http.StatusServiceUnavailable, codeUnavailable, "")
	b.r.options.identify = func(context.Context, Identities) (int64, bool, error) { panic("jane@example.com") }
	says(t, b.post(eventsPath, unknown), http.StatusServiceUnavailable, codeUnavailable, "")
	says(t, b.post(bulkPath, "["+unknown+`,{"mpid":8}]`), http.StatusServiceUnavailable, codeUnavailable, "")
	assert.NotContains(t, b.log.String(), "jane")
	assert.Equal(t, "8", member(t, b.all()[4], "mpid"))
	assert.Len(t, b.all(), 5)
}

func TestServerAPI_historical(t *testing.T) {
	b := newBench(t, WithHistorical())
	says(t, b.post(historicalPath, `[{"mpid":1,"events":[{"event_type":"x","data":{"timestamp_unixtime_ms":1699740800000}}]}]`), http.StatusAccepted, "", "")
	assert.Contains(t, b.all()[0], `"is_historical":true`)
}

// A post that comes while another one with its id is under way gets its outcome,
// also across bulk requests whose batches come in another order.
func TestServerAPI_repetitionsWaitForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		release := make(chan struct{})
		b.fail(func(*batch.Batch) error { <-release; return nil })
		var posts sync.WaitGroup
		for range 3 {
			for _, body := range []string{`[{"source_request_id":"a"},{"source_request_id":"b"}]`, `[{"source_request_id":"b"},{"source_request_id":"a"}]`} {
				posts.Go(func() { says(t, b.post(bulkPath, body), http.StatusAccepted, "", "") })
			}
		}
		synctest.Wait()
		close(release)
		posts.Wait()
		assert.Len(t, b.all(), 2)
	})
}
