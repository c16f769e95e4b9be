package forwarder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// Members that no setting names go through untouched: unknown ones, their order,
// duplicates, the text of numbers and strings, white space.
func TestContract_lossless(t *testing.T) {
	for name, in := range map[string]string{
		"white space":     " \t\r\n{ \"a\" :\t[ 1 , 2 ]\r\n, \"events\" : [ { \"event_type\" : \"opt_out\" } ] } \n",
		"duplicates":      `{"a":1,"a":2,"events":[{"event_type":"opt_out","x":1,"x":2,"data":{"y":1,"y":1}}],"a":3}`,
		"numbers":         `{"a":[18446744073709551615,-9223372036854775809,1e400,2.50,-0,1E+2,0.1e-7,123456789012345678901234567890]}`,
		"escapes":         `{"\u0061":"\u00e9\/\"\\\b\f\n\r\t\ud83d\ude00","b":"<&>é😀\u2028"}`,
		"half a pair":     `{"a":"\ud800","\udc00":1}`,
		"64-bit ids":      `{"mpid":-9223372036854775808,"batch_id":"-5158959812941698317","events":[{"event_type":"opt_out","data":{"event_id":9007199254740993}}]}`,
		"empty names":     `{"":1,"a.b":2,"events":[{"":3,"event_type":"opt_out"}]}`,
		"unknown members": `{"new_in_2030":{"x":[{}]},"events":[{"event_type":"opt_out","new":[[[]]],"data":{"newer":null}}]}`,
		"one of 10":       string(testbatch.Batches(1, 10, 1)[0]),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, in, through(t, keepAll(), in).value(t))
			assert.Equal(t, compact([]byte(in)), expect([]byte(in), keepAll()).values[0], "the reference")
		})
	}
}

// A cut takes the bytes between two members that stay and nothing else.
func TestContract_losslessAroundCuts(t *testing.T) {
	s := with("ip_address", "include_mp_device_id", "include_location_information", "send_network_performance_events")
	for in, want := range map[string]string{
		"{ \"ip\" : 1 ,\n  \"a\" : 1.0 ,\n  \"b\" : \"\\u0041\" }\n":                                                                        "{\n  \"a\" : 1.0 ,\n  \"b\" : \"\\u0041\" }\n",
		"{ \"a\" : 1.0 ,\n  \"ip\" : 1 ,\n  \"b\" : 2e0 }":                                                                                  "{ \"a\" : 1.0 ,\n  \"b\" : 2e0 }",
		"{ \"a\" : 1.0 ,\n  \"mp_deviceid\" : 1 ,\n  \"ip\" : 2 }":                                                                          "{ \"a\" : 1.0 }",
		"{\"events\":[ {\"event_type\":\"network_performance\"} , {\"event_type\":\"opt_out\", \"data\":{ \"location\":1, \"x\" : 1 } } ]}": "{\"events\":[ {\"event_type\":\"opt_out\", \"data\":{ \"x\" : 1 } } ]}",
	} {
		got := through(t, s, in).value(t)
		assert.Equal(t, want, got)
		assert.Equal(t, compact([]byte(want)), compact([]byte(got)))
	}
}

// The 17 types that are forwarded, by the names that mParticle's page gives
// them, and some that exist but are not on it.
func TestContract_eventTypes(t *testing.T) {
	forwarded := map[string]string{
		"App Event": "custom_event", "Application State Transition (AST)": "application_state_transition",
		"Breadcrumb": "breadcrumb", "Commerce Event": "commerce_event", "Crash Report": "crash_report",
		"First Run": "first_run", "Network Performance": "network_performance", "Opt Out": "opt_out",
		"Profile": "profile", "Push Message": "push_message", "Push Registration": "push_registration",
		"Screen View": "screen_view", "Session Start": "session_start", "Session End": "session_end",
		"Uninstall": "uninstall", "User Attribute Change": "user_attribute_change", "User Identity Change": "user_identity_change",
	}
	require.Len(t, forwarded, 17)
	for name, eventType := range forwarded {
		in := `{"events":[` + event(eventType, "{}") + `]}`
		o := through(t, keepAll(), in)
		assert.Equal(t, in, o.value(t), name)
		assert.Empty(t, o.dropped, name)
	}
	for _, eventType := range []string{"pre_attribution", "push_reaction", "validation_result", "unknown", "", "Custom-Event", "custom_event ", "custom", "location"} {
		o := through(t, keepAll(), `{"mpid":1,"events":[`+event(eventType, "{}")+`,`+event("opt_out", "1")+`,`+event(eventType, "2")+`]}`)
		assert.Equal(t, `{"mpid":1,"events":[`+event("opt_out", "1")+`]}`, o.value(t), eventType)
		assert.Equal(t, []Dropped{{Filter: "event_type", Reason: "event type is not forwarded", Events: 2}}, o.dropped, eventType)
	}
}

// However the letters of types are spelt, upper or lower, escaped or not, no byte of
// a batch changes, and every switch does what it does with the listed spelling.
func TestContract_typesInAnySpelling(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 1))
	typed := regexp.MustCompile(`("event_type"\s*:\s*")([a-z_]+)"`)
	spelt := func(member string) string {
		parts := typed.FindStringSubmatch(member)
		text := []byte(parts[1])
		for _, letter := range []byte(parts[2]) {
			if r.IntN(2) == 0 {
				letter = bytes.ToUpper([]byte{letter})[0]
			}
			if r.IntN(8) == 0 {
				text = fmt.Appendf(text, `\u%04x`, letter)
			} else {
				text = append(text, letter)
			}
		}
		return string(append(text, '"'))
	}
	keys := slices.Sorted(maps.Keys(switches))
	for i, data := range testbatch.Batches(100, 12, 18) {
		in := typed.ReplaceAllStringFunc(string(data), spelt)
		require.NotEqual(t, string(data), in)
		o := through(t, keepAll(), in)
		require.Equal(t, in, o.value(t))
		require.Empty(t, o.dropped)
		agree(t, with(keys[i%len(keys)], keys[i/3%len(keys)]), in, in)
	}
}

// Nothing depends on the platform or on the kind of an identity.
func TestContract_platformsAndIdentities(t *testing.T) {
	for _, platform := range []string{"iOS", "Android", "web", "tvOS", "Roku", "fire", "xbox", "smart_tv", "unheard of"} {
		in := `{"events":[` + event("custom_event", "{}") + `],"device_info":{"platform":"` + platform + `"},"application_info":{"os":"` + platform + `"}}`
		assert.Equal(t, in, through(t, keepAll(), in).value(t))
	}
	for _, identity := range []string{"customer_id", "email", "facebook", "google", "other", "other10", "mobile_number", "device_application_stamp", "unheard_of"} {
		in := `{"mpid":1,"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"` + identity + `","identity":"x"},"old":null}}],` +
			`"user_identities":[{"identity_type":"` + identity + `","identity":"x"}],"partner_identities":{"` + identity + `":"x"}}`
		assert.Equal(t, in, through(t, keepAll(), in).value(t))
		assert.Equal(t, "1", string(through(t, keepAll(), in).messages[0].key))
	}
}

func TestContract_eventless(t *testing.T) {
	emptied := `{"mpid":1,"events":[{"event_type":"user_attribute_change"},{"event_type":"?"}],"user_attributes":{"a":1}}`
	for in, want := range map[string]string{
		`{"mpid":1}`:                  `{"mpid":1}`,
		`{"mpid":1,"events":null}`:    `{"mpid":1,"events":null}`,
		`{"mpid":1,"events":[]}`:      `{"mpid":1,"events":[]}`,
		`{"mpid":1,"events":[ ] }`:    `{"mpid":1,"events":[ ] }`,
		`{"user_attributes":{"a":1}}`: `{"user_attributes":{"a":1}}`,
		emptied:                       `{"mpid":1,"events":[],"user_attributes":{"a":1}}`,
	} {
		for _, asBatch := range []settings.Toggle{settings.On, settings.Off} {
			on := through(t, settings.Settings{SendAsBatch: asBatch}, in)
			assert.Equal(t, want, on.value(t))
			assert.Equal(t, 0, on.messages[0].events)

			off := through(t, settings.Settings{SendAsBatch: asBatch, SendBatchesWithoutEvents: settings.Off}, in)
			require.NoError(t, off.err)
			assert.Empty(t, off.messages)
			assert.Equal(t, append(on.dropped, Dropped{Filter: "send_batches_without_events", Reason: "no events left", Batch: true}), off.dropped)
		}
	}
	o := through(t, settings.Settings{SendBatchesWithoutEvents: settings.Off}, twoEvents)
	assert.Equal(t, twoEvents, o.value(t), "with events it goes out either way")
}

// What Parse refuses, by what and where.
func TestContract_refused(t *testing.T) {
	for in, want := range map[string]struct {
		offset int64
		member string
	}{
		`{"mpid":true}`:                  {8, "mpid"},
		`{"mpid":1.5}`:                   {8, "mpid"},
		`{"mpid":1e3}`:                   {8, "mpid"},
		`{"mpid":9223372036854775808}`:   {8, "mpid"},
		`{"mpid":"x"}`:                   {8, "mpid"},
		`{"mpid":{}}`:                    {8, "mpid"},
		`{"mpid":1,"a":0,"mp\u0069d":2}`: {28, "mpid"},
		`[]`:                             {0, ""},
		`{"events":{}}`:                  {10, "events"},
		`{"events":[],"events":[]}`:      {22, "events"},
		`{"events":[{"event_type":"opt_out"},{}]}`:    {36, "events[1].event_type"},
		`{"events":[{"event_type":7}]}`:               {25, "events[0].event_type"},
		`{"events":[7]}`:                              {11, "events[0]"},
		`{"a":1} x`:                                   {8, ""},
		`{"a":1,}`:                                    {7, ""},
		"{\"a\":\"\xff\"}":                            {6, ""},
		`{"a":` + strings.Repeat("[", 1_000) + "1]":   {1004, ""},
		`{"secret attribute":{"another secret":tru}}`: {41, ""},
	} {
		_, err := batch.Parse([]byte(in))
		var bad *batch.Error
		if assert.ErrorAs(t, err, &bad, in) {
			assert.Equal(t, want.offset, bad.Offset, "%s: %v", in, err)
			assert.Equal(t, want.member, bad.Member, "%s: %v", in, err)
			assert.NotContains(t, err.Error(), "secret", "names of members that the contract does not list are payload")
			assert.True(t, Permanent(err))
			assert.True(t, NothingSent(err))
		}
	}
}

// Numbers in quotes and without, and the same id twice, are one user.
func TestContract_userID(t *testing.T) {
	for in, want := range map[string]int64{
		`{"mpid":-7}`: -7, `{"mpid":"-7"}`: -7, `{"mpid":-7,"x":1,"mpid":"-7"}`: -7, `{"\u006dpid":-7}`: -7, `{"MPID":8,"mpid":-7,"Mpid":9}`: -7,
	} {
		b, err := batch.Parse([]byte(in))
		require.NoError(t, err)
		id, ok := b.UserID()
		assert.True(t, ok)
		assert.Equal(t, want, id, in)
		assert.Equal(t, fmt.Sprint(want), string(through(t, keepAll(), in).messages[0].key))
	}
}

// No message has a header except the parts of a split batch, which have one.
func TestContract_headers(t *testing.T) {
	for _, s := range []settings.Settings{keepAll(), with("send_as_batch"), {}, with("unique_id")} {
		for _, m := range through(t, s, numbered(5)).messages {
			assert.Empty(t, m.part)
		}
	}
	for i, m := range through(t, limited(numberedBase+80, 1<<30), numbered(5)).messages {
		assert.Equal(t, fmt.Sprintf("%d/5", i+1), m.part)
	}
}

// Every removal leaves valid JSON, whatever else is around.
func TestContract_outputIsJSON(t *testing.T) {
	s := with("send_as_batch", "include_metadata", "include_location_information", "include_event_batch_location", "include_mp_device_id", "device_name", "ip_address", "unique_id")
	members := []string{
		`"ip":1`, `"mp_deviceid":2`, `"context":{"location":3}`, `"device_info":{"device":4}`, `"source_info":5`, `"x":6`,
		`"events":[{"event_type":"opt_out","data":{"location":7}},{"data":{"location":8,"y":9},"event_type":"first_run"}]`,
	}
	for range members {
		members = append(members[1:], members[0])
		for n := range len(members) + 1 {
			in := "{" + strings.Join(members[:n], ",") + "}"
			agree(t, s, in, in)
			for _, m := range through(t, s, in).messages {
				assert.True(t, json.Valid(m.value), "%s", m.value)
				assert.False(t, slices.ContainsFunc([]string{`"ip"`, `location`, `"device"`, `mp_deviceid`}, func(gone string) bool {
					return bytes.Contains(m.value, []byte(gone))
				}), "%s", m.value)
			}
		}
	}
}
