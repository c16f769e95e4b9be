package filters_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
)

func TestRemove(t *testing.T) {
	for name, tc := range map[string]struct {
		target     filters.Target
		data, want string
		events     []batch.DroppedEvents
	}{
		"member": {filters.Member("ip"), `{"a":1,"ip":"1.2.3.4","b":2}`, `{"a":1,"b":2}`, nil},
		"member of a member": {
			filters.Member("device_info", "ios_advertising_id"),
			`{"device_info":{"ios_advertising_id":"x"},"application_info":{"ios_advertising_id":"y"}}`,
			`{"device_info":{},"application_info":{"ios_advertising_id":"y"}}`, nil,
		},
		"repeated members":                    {filters.Member("a", "b"), `{"a":{"b":1,"b":2},"a":{"b":3},"c":0}`, `{"a":{},"a":{},"c":0}`, nil},
		"repeated parents, the last has none": {filters.Member("a", "b"), `{"a":{"b":1},"a":{"c":1}}`, `{"a":{},"a":{"c":1}}`, nil},
		"data repeated": {
			filters.EventAttributesNamed("x"), `{"events":[{"event_type":"opt_out","data":{"custom_attributes":{"x":"a"}},"data":{}}]}`,
			`{"events":[{"event_type":"opt_out","data":{},"data":{}}]}`, nil,
		},
		"identity changes, data repeated": {
			filters.Identities("email"),
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"b"}},"data":{}}]}`,
			`{"events":[]}`, []batch.DroppedEvents{{Reason: filters.ReasonUserIdentityGone, Events: 1}},
		},
		"a dot is a letter": {filters.Member("a.b"), `{"a":{"b":1},"a.b":2}`, `{"a":{"b":1}}`, nil},
		"absent":            {filters.Member("x", "y"), `{"x":3}`, `{"x":3}`, nil},
		"event member": {
			filters.EventMember("data", "custom_flags"),
			`{"custom_flags":1,"events":[{"event_type":"session_end","data":{"custom_flags":{"a":"b"},"x":1}},{"event_type":"opt_out"}]}`,
			`{"custom_flags":1,"events":[{"event_type":"session_end","data":{"x":1}},{"event_type":"opt_out"}]}`, nil,
		},
		"event member of several events": {
			filters.EventMember("data", "x"),
			`{"events":[{"event_type":"opt_out","data":{"x":1}},{"event_type":"opt_out","data":{"x":2}},{"event_type":"opt_out","data":{"x":3,"y":4}}]}`,
			`{"events":[{"event_type":"opt_out","data":{}},{"event_type":"opt_out","data":{}},{"event_type":"opt_out","data":{"y":4}}]}`, nil,
		},
		"breadcrumbs that are none": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":{"data":{"custom_attributes":{"x":1}}}}},{"event_type":"crash_report","data":{"breadcrumbs":"x"}},{"event_type":"crash_report","data":{"breadcrumbs":null}}]}`,
			`{"events":[{"event_type":"crash_report","data":{}},{"event_type":"crash_report","data":{}},{"event_type":"crash_report","data":{"breadcrumbs":null}}]}`, nil,
		},
		"breadcrumbs in a list in the list": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[[{"data":{"custom_attributes":{"x":1}}}],null,{"data":[{"custom_attributes":{"x":1}}]},{"data":null}]}}]}`,
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[null,{},{"data":null}]}}]}`, nil,
		},
		"event attributes, data that is none": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"custom_event","data":[{"custom_attributes":{"x":1}}]},{"event_type":"opt_out","data":null},{"event_type":"opt_out","data":"x=1","data":{"y":1}}]}`,
			`{"events":[{"event_type":"custom_event"},{"event_type":"opt_out","data":null},{"event_type":"opt_out"}]}`, nil,
		},
		"identity changes, data that is none": {
			filters.Identities("email"),
			`{"events":[{"event_type":"user_identity_change","data":"a@example.com"},{"event_type":"user_identity_change","data":[{"new":{"identity_type":"email","identity":"a"}}]},` +
				`{"event_type":"user_identity_change","data":null},{"event_type":"user_identity_change","data":"a@example.com","data":{}},{"event_type":"opt_out","data":"kept"}]}`,
			`{"events":[{"event_type":"user_identity_change","data":null},{"event_type":"opt_out","data":"kept"}]}`,
			[]batch.DroppedEvents{{Reason: filters.ReasonMalformedUserChange, Events: 3}},
		},
		"user attribute": {
			filters.UserAttributesNamed("$Mobile", "age"),
			`{"user_attributes":{"$Mobile":"1","plan":"gold","age":["7"]},"events":[` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":"age","new":"8","old":"7"}},` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":"plan","new":"gold","old":null}}]}`,
			`{"user_attributes":{"plan":"gold"},"events":[` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":"plan","new":"gold","old":null}}]}`,
			[]batch.DroppedEvents{{Reason: filters.ReasonUserAttributeGone, Events: 1}},
		},
		"user attribute, changes that cannot be read": {
			filters.UserAttributesNamed("age"),
			`{"user_attributes":null,"events":[` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":7,"new":"8"}},` +
				`{"event_type":"USER_ATTRIBUTE_CHANGE","data":{"user_attribute_name":"plan","user_attribute_name":"age","new":"8"}},` +
				`{"event_type":"user_attribute_change","data":null}]}`,
			`{"user_attributes":null,"events":[]}`,
			[]batch.DroppedEvents{{Reason: filters.ReasonMalformedUserChange, Events: 3}},
		},
		"user attributes that are none": {filters.UserAttributesNamed("age"), `{"user_attributes":["age"],"b":1}`, `{"b":1}`, nil},
		"user attributes twice": {
			filters.UserAttributesNamed("age"),
			`{"user_attributes":{"age":1,"x":1},"user_attributes":{"age":2,"y":2}}`, `{"user_attributes":{"y":2}}`, nil,
		},
		"event attribute": {
			filters.EventAttributesNamed("phone"),
			`{"events":[{"event_type":"custom_event","data":{"phone":"kept","custom_attributes":{"phone":"1","x":"y"}}},` +
				`{"event_type":"crash_report","data":{"breadcrumbs":[{"event_type":"breadcrumb","data":{"custom_attributes":{"phone":"1"}}},"text"]}},` +
				`{"event_type":"screen_view","data":{"custom_attributes":"phone=1"}}]}`,
			`{"events":[{"event_type":"custom_event","data":{"phone":"kept","custom_attributes":{"x":"y"}}},` +
				`{"event_type":"crash_report","data":{"breadcrumbs":[{"event_type":"breadcrumb","data":{"custom_attributes":{}}}]}},` +
				`{"event_type":"screen_view","data":{}}]}`, nil,
		},
		"identities in a list": {
			filters.Identities("email"),
			`{"user_identities":[{"identity_type":"email","identity":"a@example.com","timestamp_unixtime_ms":"1"},{"identity_type":"customer_id","identity":"7"}]}`,
			`{"user_identities":[{"identity_type":"customer_id","identity":"7"}]}`, nil,
		},
		"identities in an object, some in objects": {
			filters.Identities("email"),
			`{"user_identities":{"0":{"identity_type":"email","identity":"a@example.com"},"1":[{"identity_type":"email"}],"other":"o","customer_id":null}}`,
			`{"user_identities":{"other":"o","customer_id":null}}`, nil,
		},
		"identities in an object": {filters.Identities("email"), `{"user_identities":{"Email":"a@example.com","other":"o"}}`, `{"user_identities":{"other":"o"}}`, nil},
		"identities that cannot be read": {
			filters.Identities("email"),
			`{"user_identities":["a@example.com",{"identity":"a@example.com"},{"identity_type":"other","identity_type":"email","identity":"x"},null,{"identity_type":7,"identity":"y"}]}`,
			`{"user_identities":[null]}`, nil,
		},
		"identities of another shape": {filters.Identities("email"), `{"user_identities":"a@example.com","x":1}`, `{"x":1}`, nil},
		"identity changes": {
			filters.Identities("email"),
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"b"},"old":null}},` +
				`{"event_type":"user_identity_change","data":{"new":{"identity_type":"other","identity":"b"},"old":{"identity_type":"email","identity":"c"}}},` +
				`{"event_type":"user_identity_change","data":{"new":{"identity_type":"other","identity":"b"},"old":null}},` +
				`{"event_type":"custom_event","data":{"new":{"identity_type":"email","identity":"kept"}}}]}`,
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"other","identity":"b"},"old":null}},` +
				`{"event_type":"custom_event","data":{"new":{"identity_type":"email","identity":"kept"}}}]}`,
			[]batch.DroppedEvents{{Reason: filters.ReasonUserIdentityGone, Events: 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := filters.Remove(tc.target)
			assert.NoError(t, filters.Check(f))
			got := filtered(t, f, parse(t, tc.data))
			assert.Equal(t, tc.want, got.text)
			assert.Equal(t, tc.events, got.events)
			assert.Equal(t, tc.want, filtered(t, f, parse(t, got.text)).text, "once more")
		})
	}
}

func TestRemoveIdentities(t *testing.T) {
	got := filtered(t, filters.RemoveIdentities("email", "other"), parse(t, `{"user_identities":{"email":"a","customer_id":"c","other":"o"}}`))
	assert.Equal(t, `{"user_identities":{"customer_id":"c"}}`, got.text)
}

func TestTargets_mistakes(t *testing.T) {
	for want, target := range map[string]filters.Target{
		"filters: remove: has a target that names nothing":                                         {},
		"filters: remove.identities: names nothing":                                                filters.Identities(),
		"filters: remove.identities: has an empty identity type":                                   filters.Identities(""),
		"filters: remove.user_attributes: names nothing":                                           filters.UserAttributesNamed(),
		"filters: remove.event_attributes: must be valid UTF-8":                                    filters.EventAttributesNamed("\xff"),
		"filters: remove.members: names nothing":                                                   filters.Member(),
		"filters: remove.members: mpid is the key of the message and cannot be changed":            filters.Member("mpid"),
		"filters: remove.members: members of events are named from the event on, as event members": filters.Member("events", "data"),
		"filters: remove.event_members: event_type cannot be changed":                              filters.EventMember("event_type"),
	} {
		assert.EqualError(t, filters.Check(filters.Remove(target)), want)
	}
	assert.EqualError(t, filters.Check(filters.Remove()), "filters: remove: needs something to change")
}
