package forwarder

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A trap is a batch that a careless switch gets wrong. Everything that is not
// named must stay, byte for byte; want is empty where nothing changes at all.
type trap struct{ name, in, want string }

// check sends each trap through the settings; the slow reference must agree
// with what was written down by hand.
func check(t *testing.T, s settings.Settings, traps []trap) {
	t.Helper()
	for _, c := range traps {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				c.want = c.in
			}
			assert.Equal(t, c.want, through(t, s, c.in).value(t))
			assert.Equal(t, []string{compact([]byte(c.want))}, expect([]byte(c.in), s).values, "the reference")
		})
	}
}

// event is one element of "events".
func event(eventType, data string) string {
	return fmt.Sprintf(`{"data":%s,"event_type":"%s"}`, data, eventType)
}

func TestSwitches_eventLocation(t *testing.T) {
	check(t, with("include_location_information"), []trap{
		{
			"first, middle, last, alone",
			`{"events":[{"data":{"location":{"latitude":1},"a":1,"b":2},"event_type":"custom_event"},{"data":{"a":1,"location":{},"b":2},"event_type":"screen_view"},{"data":{"a":1,"b":2,"location":null},"event_type":"opt_out"},{"data":{"location":[1,{"location":2}]},"event_type":"first_run"}]}`,
			`{"events":[{"data":{"a":1,"b":2},"event_type":"custom_event"},{"data":{"a":1,"b":2},"event_type":"screen_view"},{"data":{"a":1,"b":2},"event_type":"opt_out"},{"data":{},"event_type":"first_run"}]}`,
		},
		{
			"members in any order",
			`{"mpid":1,"events":[{"event_type":"custom_event","x":0,"data":{"location":1}}],"ip":"1"}`,
			`{"mpid":1,"events":[{"event_type":"custom_event","x":0,"data":{}}],"ip":"1"}`,
		},
		{
			"duplicates, also of the parent",
			`{"events":[{"data":{"location":1,"a":1,"location":2},"event_type":"custom_event","data":{"location":3}}]}`,
			`{"events":[{"data":{"a":1},"event_type":"custom_event","data":{}}]}`,
		},
		{
			"escaped names",
			`{"\u0065vents":[{"d\u0061ta":{"lo\u0063ation":1,"\u006c\u006F\u0063ation":2,"l\\u006fcation":3},"event\u005ftype":"custom_event"}]}`,
			`{"\u0065vents":[{"d\u0061ta":{"l\\u006fcation":3},"event\u005ftype":"custom_event"}]}`,
		},
		{
			"breadcrumbs of a crash report",
			`{"events":[{"data":{"breadcrumbs":[{"data":{"location":1,"label":"a"},"event_type":"breadcrumb"},{"event_type":"breadcrumb","data":{"label":"b","location":{"latitude":2}}}],"location":3},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":[{"data":{"label":"a"},"event_type":"breadcrumb"},{"event_type":"breadcrumb","data":{"label":"b"}}]},"event_type":"crash_report"}]}`,
		},
		{
			"breadcrumbs, duplicates and escapes",
			`{"events":[{"event_type":"crash\u005freport","data":{"breadcrumbs":[{"data":{"location":1,"location":2},"data":{"location":3}}],"bread\u0063rumbs":[{"d\u0061ta":{"lo\u0063ation":4}}]},"data":{"breadcrumbs":[{"data":{"location":5}}]}}]}`,
			`{"events":[{"event_type":"crash\u005freport","data":{"breadcrumbs":[{"data":{},"data":{}}],"bread\u0063rumbs":[{"d\u0061ta":{}}]},"data":{"breadcrumbs":[{"data":{}}]}}]}`,
		},
		{
			"breadcrumbs of another shape",
			`{"events":[{"data":{"breadcrumbs":["location","{\"location\":1}",null,7,[{"data":{"location":1}}],[[],[{"data":{"location":2,"a":3}}]],{"data":null},{"data":"location"},{"location":2},{}]},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":["location","{\"location\":1}",null,7,[{"data":{}}],[[],[{"data":{"a":3}}]],{"data":null},{"data":"location"},{"location":2},{}]},"event_type":"crash_report"}]}`,
		},
		{
			"breadcrumbs that are an object",
			`{"events":[{"data":{"breadcrumbs":{"data":{"location":1,"a":{"data":{"location":2}}},"a":{"data":{"location":3}},"b":{"c":{"d":0,"data":{"location":4}}}}},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":{"data":{"a":{"data":{"location":2}}},"a":{"data":{}},"b":{"c":{"d":0,"data":{}}}}},"event_type":"crash_report"}]}`,
		},
		{
			"breadcrumbs that are an object, with a member that has no name",
			`{"events":[{"data":{"breadcrumbs":{"":{"data":{"location":1}},"a":[{"data":{"location":2}}],"":[{"data":{"location":3}}],"data":[{"data":{"location":4}}]}},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":{"":{"data":{}},"a":[{"data":{}}],"":[{"data":{}}],"data":[{"data":{}}]}},"event_type":"crash_report"}]}`,
		},
		{
			"what else a breadcrumb has",
			`{"events":[{"data":{"breadcrumbs":[{"a":{"data":{"location":1}},"data":{"location":2,"custom_attributes":{"data":{"location":"Bern"}}}}]},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":[{"a":{"data":{"location":1}},"data":{"custom_attributes":{"data":{"location":"Bern"}}}}]},"event_type":"crash_report"}]}`,
		},
		{
			"breadcrumbs deep inside lists",
			`{"events":[{"data":{"breadcrumbs":[[[[[[[{"data":{"location":1}}]]]]]],[[[[[[[{"data":{"location":1}}]]]]]]],[[[[[[[7]]]]]]],1]},"event_type":"crash_report"}]}`,
			`{"events":[{"data":{"breadcrumbs":[[[[[[[{"data":{}}]]]]]],[[[[[[[]]]]]]],[[[[[[[7]]]]]]],1]},"event_type":"crash_report"}]}`,
		},
		{
			"breadcrumbs, an array and objects",
			`{"events":[{"data":{"breadcrumbs":{"":{"data":{"location":1}}},"breadcrumbs":[{"data":{"location":2}}],"breadcrumbs":{"":{"data":{"location":3}}}},"event_type":"crash_report","data":[{"breadcrumbs":[{"data":{"location":4}}]}],"data":{"":[{"data":{"location":5}}],"breadcrumbs":[{"data":{"location":6}}]}}]}`,
			`{"events":[{"data":{"breadcrumbs":{"":{"data":{}}},"breadcrumbs":[{"data":{}}],"breadcrumbs":{"":{"data":{}}}},"event_type":"crash_report","data":[{"breadcrumbs":[{"data":{"location":4}}]}],"data":{"":[{"data":{"location":5}}],"breadcrumbs":[{"data":{}}]}}]}`,
		},
		{"breadcrumbs that are null or text", `{"events":[{"data":{"breadcrumbs":null},"event_type":"crash_report"},{"data":{"breadcrumbs":"location"},"event_type":"crash_report"}]}`, ""},
		{"breadcrumbs of other events", `{"events":[` + event("custom_event", `{"breadcrumbs":[{"data":{"location":1}}]}`) + `]}`, ""},
		{
			"breadcrumbs within breadcrumbs",
			`{"events":[` + event("crash_report", `{"breadcrumbs":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"location":1}}],"location":2}}]}`) + `]}`,
			`{"events":[` + event("crash_report", `{"breadcrumbs":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"location":1}}]}}]}`) + `]}`,
		},
		{"consent", `{"consent_state":{"gdpr":{"p":{"location":"17 Cherry Tree Lane"}},"ccpa":{"data_sale_opt_out":{"location":"x"}},"location":1},"events":[]}`, ""},
		{
			"members of that name elsewhere",
			`{"location":1,"events":[{"location":2,"data":{"custom_attributes":{"location":"Bern"},"custom_event_type":"location","data":{"location":3},"Location":4,"location ":5,"locatio":6},"event_type":"custom_event"}],"user_attributes":{"location":"Bern"},"data":{"location":7},"context":{"location":{"latitude":8}},"system_notifications":[{"data":{"location":"x"}}]}`,
			"",
		},
		{"data null, missing, of another type", `{"events":[{"data":null,"event_type":"custom_event"},{"event_type":"custom_event"},{"data":["location"],"event_type":"custom_event"},{"data":"location","event_type":"crash_report"},{"data":7,"event_type":"crash_report"}]}`, ""},
		{
			"data a list: only that of an object is a location",
			`{"events":[{"data":[{"location":1},{"data":{"location":2}}],"event_type":"custom_event"},{"data":{"location":3},"data":[{"location":4}],"event_type":"custom_event"}]}`,
			`{"events":[{"data":[{"location":1},{"data":{"location":2}}],"event_type":"custom_event"},{"data":{},"data":[{"location":4}],"event_type":"custom_event"}]}`,
		},
		{"no events", `{"events":[]}`, ""},
		{"null events", `{"mpid":1,"events":null}`, ""},
		{"absent events", `{}`, ""},
	})
}

func TestSwitches_batchLocation(t *testing.T) {
	check(t, with("include_event_batch_location"), []trap{
		{"first", `{"context":{"location":{"latitude":1},"data_plan":{"plan_id":"p"}},"events":[]}`, `{"context":{"data_plan":{"plan_id":"p"}},"events":[]}`},
		{"last", `{"events":[],"context":{"data_plan":{},"location":null}}`, `{"events":[],"context":{"data_plan":{}}}`},
		{"alone: the context stays", `{"context":{"location":"here"}}`, `{"context":{}}`},
		{"absent: nothing is invented", `{"mpid":1}`, ""},
		{"context null, of another type, empty", `{"context":null}`, ""},
		{"context a list", `{"context":[{"location":1}]}`, ""},
		{"context a list and an object", `{"context":[{"location":1}],"context":{"location":2},"context":[[{"location":3}]]}`, `{"context":[{"location":1}],"context":{},"context":[[{"location":3}]]}`},
		{"context a text", `{"context":"location"}`, ""},
		{"duplicates", `{"context":{"location":1,"a":2,"location":3},"x":0,"context":{"location":4}}`, `{"context":{"a":2},"x":0,"context":{}}`},
		{"escaped names", `{"c\u006fntext":{"loc\u0061tion":1}}`, `{"c\u006fntext":{}}`},
		{"other locations", `{"events":[` + event("custom_event", `{"location":1,"context":{"location":2}}`) + `],"location":3,"context":{"data_plan":{"location":4},"Location":5},"Context":{"location":6}}`, ""},
	})
}

func TestSwitches_metadata(t *testing.T) {
	check(t, with("include_metadata"), []trap{
		{"all three", `{"application_info":{"package":"p"},"mpid":1,"device_info":{"device":"d"},"source_info":null}`, `{"mpid":1}`},
		{"nothing else", `{"source_info":{}}`, `{}`},
		{"duplicates and escapes", `{"device_info":1,"a":2,"device\u005finfo":3,"source_info":4,"source_info":5,"b":6}`, `{"a":2,"b":6}`},
		{"ip, device id and namesakes stay", `{"ip":"1","mp_deviceid":"2","Device_Info":3,"x":{"device_info":4},"events":[` + event("custom_event", `{"device_info":5}`) + `]}`, ""},
		{"absent", `{}`, ""},
	})
}

func TestSwitches_deviceName(t *testing.T) {
	check(t, with("device_name"), []trap{
		{"among others", `{"device_info":{"brand":"b","device":"Ann's phone","device_model":"m","product":"p"}}`, `{"device_info":{"brand":"b","device_model":"m","product":"p"}}`},
		{"alone", `{"device_info":{"device":null}}`, `{"device_info":{}}`},
		{"duplicates and escapes", `{"device_info":{"device":1,"d\u0065vice":2},"device_info":{"device":3,"x":4}}`, `{"device_info":{},"device_info":{"x":4}}`},
		{"parent null or absent", `{"device_info":null}`, ""},
		{"namesakes", `{"device":1,"ip":"2","device_info":{"device_name":3,"Device":4,"x":{"device":5}}}`, ""},
	})
}

func TestSwitches_ipAddress(t *testing.T) {
	check(t, with("ip_address"), []trap{
		{"present", `{"mpid":1,"ip":"203.0.113.9","x":2}`, `{"mpid":1,"x":2}`},
		{"duplicates and escapes", `{"ip":"a","\u0069p":"b","i\u0070":null,"x":2}`, `{"x":2}`},
		{"namesakes", `{"IP":1,"device_info":{"ip":2,"device":"d"},"context":{"location":{"location_source":"ip_lookup"}},"events":[` + event("custom_event", `{"ip":3}`) + `]}`, ""},
	})
}

func TestSwitches_deviceID(t *testing.T) {
	check(t, with("include_mp_device_id"), []trap{
		{"present", `{"mp_deviceid":"d","mpid":1}`, `{"mpid":1}`},
		{"null", `{"mpid":1,"mp_deviceid":null}`, `{"mpid":1}`},
		{"duplicates and escapes", `{"mp_deviceid":1,"mp\u005fdeviceid":2}`, `{}`},
		{"namesakes", `{"mp_device_id":1,"device_info":{"mp_deviceid":2}}`, ""},
	})
}

func TestSwitches_uniqueID(t *testing.T) {
	const id = `"shop <42> \"Zürich\""`
	check(t, with("unique_id"), []trap{
		{"absent: added at the end", `{"mpid":1,"events":[]}`, `{"mpid":1,"events":[],"unique_id":` + id + `}`},
		{"the only member", `{}`, `{"unique_id":` + id + `}`},
		{"overwritten where it stands", `{"unique_id":"old","mpid":1}`, `{"unique_id":` + id + `,"mpid":1}`},
		{"null", `{"mpid":1,"unique_id":null}`, `{"mpid":1,"unique_id":` + id + `}`},
		{"an object", `{"unique_id":{"unique_id":1},"x":1}`, `{"unique_id":` + id + `,"x":1}`},
		{"escaped name", `{"unique\u005fid":"old","x":1}`, `{"unique\u005fid":` + id + `,"x":1}`},
		{"duplicates become one", `{"unique_id":"a","x":1,"unique_id":"b"}`, `{"x":1,"unique_id":` + id + `}`},
		{
			"other ids", `{"application_info":{"package":"com.example","unique_id":"x"},"batch_id":"1","message_id":"2","Unique_ID":3}`,
			`{"application_info":{"package":"com.example","unique_id":"x"},"batch_id":"1","message_id":"2","Unique_ID":3,"unique_id":` + id + `}`,
		},
	})
	check(t, keepAll(), []trap{{"unset: left as it came", `{"unique_id":"theirs","x":1,"unique_id":2}`, ""}})
}

// Event types are dropped by their meaning, not by how they are written.
func TestSwitches_eventTypes(t *testing.T) {
	for key, eventType := range map[string]string{
		"send_network_performance_events":      "network_performance",
		"include_user_attribute_change_events": "user_attribute_change",
		"include_user_identity_change_events":  "user_identity_change",
	} {
		t.Run(key, func(t *testing.T) {
			escaped := fmt.Sprintf(`\u%04x%s`, eventType[0], eventType[1:])
			in := `{"events":[` + event(eventType, "1") + `,` + event("custom_event", `{"event_type":"`+eventType+`"}`) + `,` + event(escaped, "2") +
				`,` + event(strings.ToUpper(eventType), "3") + `],"user_attributes":{"a":1},"user_identities":[2],"` + eventType + `":3}`
			want := `{"events":[` + event("custom_event", `{"event_type":"`+eventType+`"}`) +
				`],"user_attributes":{"a":1},"user_identities":[2],"` + eventType + `":3}`

			o := through(t, with(key), in)
			assert.Equal(t, want, o.value(t))
			assert.Equal(t, []Dropped{{Filter: key, Reason: "switched off", Events: 3}}, o.dropped)

			o = through(t, keepAll(), in)
			assert.Equal(t, in, o.value(t))
			assert.Empty(t, o.dropped)
		})
	}
}

// The official Java SDK writes types in upper case. They are forwarded as they
// came; a location is removed from the breadcrumbs of a crash report however its
// type is written.
func TestSwitches_eventTypesInAnyCase(t *testing.T) {
	for _, eventType := range []string{"CUSTOM_EVENT", "Screen_View", `OPT\u005fOUT`, "crash_Report"} {
		in := `{"mpid":7,"events":[` + event(eventType, `{"a":1}`) + `]}`
		o := through(t, keepAll(), in)
		assert.Equal(t, in, o.value(t))
		assert.Empty(t, o.dropped)
		agree(t, keepAll(), in, eventType)
	}
	check(t, with("include_location_information"), []trap{{
		"upper case",
		`{"events":[` + event("CRASH_REPORT", `{"breadcrumbs":[{"data":{"location":1}}]}`) + `]}`,
		`{"events":[` + event("CRASH_REPORT", `{"breadcrumbs":[{"data":{}}]}`) + `]}`,
	}})
	in := `{"events":[` + event("Push_Reaction", "1") + `,` + event("CUSTOM_EVENTS", "2") + `]}`
	o := through(t, keepAll(), in)
	assert.Equal(t, `{"events":[]}`, o.value(t))
	assert.Equal(t, []Dropped{{Filter: "event_type", Reason: "event type is not forwarded", Events: 2}}, o.dropped)
}

// Every switch alone, all of them, and the defaults, over all sample batches.
func TestSwitches_sampleBatches(t *testing.T) {
	all := map[string]settings.Settings{
		"nothing": keepAll(),
		"default": {},
		"all":     with(slices.Sorted(maps.Keys(switches))...),
	}
	for key := range switches {
		all[key] = with(key)
		all[key+" and one message per event"] = with(key, "send_as_batch")
	}
	samples := sharedBatches(t)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			for file, data := range samples {
				agree(t, s, data, file)
			}
		})
	}
}

// agree compares the pipeline with the slow reference, with filters that change
// event types by the position in the batch.
func agree(t *testing.T, s settings.Settings, data, about string, retypes ...map[int]string) {
	t.Helper()
	var callers []namedFilter
	for _, types := range retypes {
		callers = append(callers, retype(types, batch.Event.Index))
	}
	got := through(t, s, data, callers...)
	want := expect([]byte(data), s, retypes...)
	assert.NoError(t, got.err, about)
	var values []string
	for _, v := range got.values() {
		values = append(values, compact([]byte(v)))
	}
	assert.Equal(t, want.values, values, about)
	assert.Equal(t, want.dropped, got.dropped, about)
}
