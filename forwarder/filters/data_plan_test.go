package filters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
)

const all = filters.Events | filters.EventAttributes | filters.UserAttributes

// planned is a batch under plan p, version 2, with these events.
func under(t *testing.T, events ...string) *batch.Batch {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"context": map[string]any{"data_plan": map[string]any{"plan_id": "p", "plan_version": 2}},
		"events":  raw(events...),
	})
	require.NoError(t, err)
	return parse(t, string(data))
}

func raw(texts ...string) []json.RawMessage {
	list := []json.RawMessage{}
	for _, text := range texts {
		list = append(list, json.RawMessage(text))
	}
	return list
}

func match(text, schema string) string {
	return `{"match":` + text + `,"validator":{"type":"json_schema","definition":` + schema + `}}`
}

// data is the schema of an event whose data has these properties.
func data(properties string) string {
	return `{"properties":{"data":{"additionalProperties":true,"properties":{` + properties + `}}}}`
}

func own(names ...string) string { return `"custom_attributes":` + closedTo(names...) }

func custom(name, attributes string) string {
	return fmt.Sprintf(`{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":%q,"custom_attributes":%s}}`, name, attributes)
}

// The rows are from the sources that the comment of DataPlan names; DP stands for
// https://docs.mparticle.com/guides/data-master/data-planning/, NODE for
// @mparticle/data-planning-node, SDK for mParticle's web and Android SDKs. Each
// row is one event; want is what is left of it, "" when it is dropped for reason.
func TestDataPlan_events(t *testing.T) {
	screens := match(`{"type":"screen_view","criteria":{"screen_name":"Sandbox Page View"}}`, data(own("anchor", "name")))
	landing := match(`{"type":"screen_view","criteria":{"screen_name":"Landing"}}`, data(``))
	open := match(`{"type":"custom_event","criteria":{"event_name":"open","custom_event_type":"other"}}`, data(`"custom_attributes":{"additionalProperties":true,"properties":{"a":{}}}`))
	closedData := match(`{"type":"custom_event","criteria":{"event_name":"closed","custom_event_type":"other"}}`, `{"properties":{"data":{"additionalProperties":false,"properties":{"event_name":{}}}}}`)
	started := match(`{"type":"application_state_transition","criteria":{"application_transition_type":"application_initialized"}}`, data(own("a")))
	sessionEnd := match(`{"type":"session_end"}`, data(own("a")))
	products := `"products":{"type":"array","items":{"additionalProperties":false,"properties":{"id":{},` + own("size") + `}}}`
	cart := match(`{"type":"product_action","criteria":{"action":"add_to_cart"}}`, data(`"product_action":{"additionalProperties":false,"properties":{"action":{},`+products+`}},`+own("a")))
	viewed := match(`{"type":"product_impression","criteria":{}}`, data(`"product_impressions":{"items":{"properties":{`+products+`}}}`))
	promoted := match(`{"type":"promotion_action","criteria":{"action":"view"}}`, data(own()))
	plan := planOf(point("planned", "color"), screens, landing, open, closedData, started, sessionEnd, cart, viewed, promoted)

	const unplanned, malformed = filters.ReasonUnplannedEvent, filters.ReasonMalformedEvent
	for _, tc := range []struct{ source, event, want, reason string }{
		{"DP, Example 1: anchor and name are planned", `{"event_type":"screen_view","data":{"screen_name":"Sandbox Page View","custom_attributes":{"anchor":"/home","name":"Home"}}}`, "same", ""},
		{"DP, Example 2: a required one is missing; not blocked, as it is not unplanned", `{"event_type":"screen_view","data":{"screen_name":"Sandbox Page View","custom_attributes":{"name":"Home"}}}`, "same", ""},
		{"DP, Example 3: an optional one is missing", `{"event_type":"screen_view","data":{"screen_name":"Sandbox Page View","custom_attributes":{"anchor":"/home"}}}`, "same", ""},
		{"DP, Example 4: label is unplanned", `{"event_type":"screen_view","data":{"screen_name":"Sandbox Page View","custom_attributes":{"anchor":"/home","label":"Home"}}}`, `{"event_type":"screen_view","data":{"screen_name":"Sandbox Page View","custom_attributes":{"anchor":"/home"}}}`, ""},
		{"DP, Limits: only names, never values", custom("planned", `{"color":{"not":"a string"}}`), "same", ""},
		{"DP, Unplanned Event: type and name combination", custom("unplanned", `{}`), "", unplanned},
		{"DP, Unplanned Event: type and name combination", `{"event_type":"custom_event","data":{"custom_event_type":"navigation","event_name":"planned"}}`, "", unplanned},
		{"DP, Unplanned Event: type and name combination", `{"event_type":"screen_view","data":{"screen_name":"planned"}}`, "", unplanned},
		{"names are exact", custom("Planned", `{}`), "", unplanned},
		{"names are exact", custom("planned ", `{}`), "", unplanned},
		{"DP, Unplanned Event Attribute", custom("planned", `{"color":"red","size":1}`), custom("planned", `{"color":"red"}`), ""},
		{"DP, Unplanned Event Attribute: all of them", custom("planned", `{"Color":"red","size":1}`), custom("planned", `{}`), ""},
		{"DP: attributes are optional", custom("planned", `null`), "same", ""},
		{"DP: attributes are optional", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned"}}`, "same", ""},
		{"DP: Allow add'l attributes", custom("open", `{"a":1,"b":2}`), "same", ""},
		{"DP: no constraint on attributes", `{"event_type":"screen_view","data":{"screen_name":"Landing","custom_attributes":{"x":"y"}}}`, "same", ""},
		{"SDK: closed data without custom_attributes plans none", custom("closed", `{"a":1}`), custom("closed", `{}`), ""},
		{"DP, Which events are supported: Session Events are not yet included", `{"event_type":"session_start","data":{}}`, "same", ""},
		{"DP, Which events are supported", `{"event_type":"push_message","data":{}}`, "same", ""},
		{"DP, Which events are supported", `{"event_type":"profile"}`, "same", ""},
		{"DP, Which events are supported", `{"event_type":"user_identity_change","data":{"new":null,"old":null}}`, "same", ""},
		{"NODE: by type", `{"event_type":"session_end","data":{"custom_attributes":{"a":1,"b":2}}}`, `{"event_type":"session_end","data":{"custom_attributes":{"a":1}}}`, ""},
		{"NODE: by application_transition_type", `{"event_type":"application_state_transition","data":{"application_transition_type":"application_initialized"}}`, "same", ""},
		{"NODE: by application_transition_type", `{"event_type":"application_state_transition","data":{"application_transition_type":"application_exit"}}`, "", unplanned},
		{"NODE: by product_action.action", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart"},"custom_attributes":{"a":1,"b":2}}}`, `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart"},"custom_attributes":{"a":1}}}`, ""},
		{"NODE: by product_action.action", `{"event_type":"commerce_event","data":{"product_action":{"action":"purchase"}}}`, "", unplanned},
		{"NODE: product_action comes before promotion_action", `{"event_type":"commerce_event","data":{"promotion_action":{"action":"view"},"product_action":{"action":"purchase"}}}`, "", unplanned},
		{"outgoing format: null is absent", `{"event_type":"commerce_event","data":{"promotion_action":{"action":"view"},"product_action":null,"product_impressions":null}}`, "same", ""},
		{"NODE: by promotion_action.action", `{"event_type":"commerce_event","data":{"promotion_action":{"action":"click"}}}`, "", unplanned},
		{"NODE: product_impressions", `{"event_type":"commerce_event","data":{"product_impressions":[]}}`, "same", ""},
		{"NODE: an unplannable commerce event", `{"event_type":"commerce_event","data":{}}`, "", unplanned},
		{"SDK: attributes of products", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[{"id":"1","custom_attributes":{"size":"M","color":"red"}},{"id":"2"},{"id":"3","custom_attributes":null}]}}}`,
			`{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[{"id":"1","custom_attributes":{"size":"M"}},{"id":"2"},{"id":"3","custom_attributes":null}]}}}`, ""},
		{"SDK: attributes of products in impressions", `{"event_type":"commerce_event","data":{"product_impressions":[{"products":[{"custom_attributes":{"size":"M"}}]},{"products":[{"custom_attributes":{"size":"M","x":"y"}}]}]}}`,
			`{"event_type":"commerce_event","data":{"product_impressions":[{"products":[{"custom_attributes":{"size":"M"}}]},{"products":[{"custom_attributes":{"size":"M"}}]}]}}`, ""},
		{"silent: the case of event_type", `{"event_type":"CUSTOM_EVENT","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{"color":1,"x":2}}}`, `{"event_type":"CUSTOM_EVENT","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{"color":1}}}`, ""},
		{"silent: escapes in names", `{"event_type":"custom_event","d\u0061ta":{"custom_event_type":"\u006fther","event_name":"pl\u0061nned","custom_attributes":{"c\u006flor":1,"\u0078":2}}}`, `{"event_type":"custom_event","d\u0061ta":{"custom_event_type":"\u006fther","event_name":"pl\u0061nned","custom_attributes":{"c\u006flor":1}}}`, ""},
		{"silent: missing names", `{"event_type":"custom_event","data":{"custom_event_type":"other"}}`, "", unplanned},
		{"silent: missing names", `{"event_type":"custom_event","data":{"event_name":"planned","custom_event_type":null}}`, "", unplanned},
		{"silent: missing data", `{"event_type":"custom_event"}`, "", unplanned},
		{"silent: missing data", `{"event_type":"screen_view","data":null}`, "", unplanned},
		{"silent: attributes of another shape", custom("planned", `["color"]`), `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned"}}`, ""},
		{"silent: attributes of another shape", custom("planned", `"color"`), `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned"}}`, ""},
		{"silent: names of another type", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":7}}`, "", malformed},
		{"silent: names of another type", `{"event_type":"screen_view","data":{"screen_name":["Landing"]}}`, "", malformed},
		{"silent: data of another type", `{"event_type":"screen_view","data":[]}`, "", malformed},
		{"silent: data twice", `{"event_type":"screen_view","data":{"screen_name":"Landing"},"data":{"screen_name":"Landing"}}`, "", malformed},
		{"silent: name twice", `{"event_type":"screen_view","data":{"screen_name":"Landing","screen_name":"Landing"}}`, "", malformed},
		{"silent: attributes twice", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{},"custom_attributes":{"x":1}}}`, "", malformed},
		{"silent: name twice, far apart", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{},"x":{"y":1},"event_name":"planned"}}`, "", malformed},
		{"silent: kind twice, with escapes", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{},"custom_\u0065vent_type":"other"}}`, "", malformed},
		{"silent: the same names further down", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"planned","custom_attributes":{"color":1},"x":{"event_name":"y","custom_attributes":{"z":1}},"v":"\"event_name\""}}`, "same", ""},
		{"SDK: closed data, attributes of products behind its own", `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"closed","custom_attributes":{},"product_action":{"products":[{"custom_attributes":{"z":1}}]}}}`, `{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"closed","custom_attributes":{},"product_action":{"products":[{"custom_attributes":{}}]}}}`, ""},
		{"silent: action of another type", `{"event_type":"commerce_event","data":{"product_action":"purchase"}}`, "", malformed},
		{"silent: action twice", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","action":"purchase"}}}`, "", malformed},
		{"silent: products of another type", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":{"custom_attributes":{"x":1}}}}}`, "", malformed},
		{"silent: products twice", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[],"products":[]}}}`, "", malformed},
		{"silent: a product of another type", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":["x"]}}}`, "", malformed},
		{"silent: a product's attributes twice", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[{"custom_attributes":{},"custom_attributes":{"x":1}}]}}}`, "", malformed},
		{"silent: a product's attributes of another type", `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[{"custom_attributes":["x"]}]}}}`, `{"event_type":"commerce_event","data":{"product_action":{"action":"add_to_cart","products":[{}]}}}`, ""},
		{"silent: impressions of another type", `{"event_type":"commerce_event","data":{"product_impressions":{"products":[]}}}`, "", malformed},
		{"silent: an impression of another type", `{"event_type":"commerce_event","data":{"product_impressions":["x"]}}`, "", malformed},
	} {
		t.Run(tc.source+"/"+tc.event, func(t *testing.T) {
			f := filters.DataPlan(plan, all)
			require.NoError(t, filters.Check(f))
			b := under(t, tc.event)
			got := filtered(t, f, b)
			if tc.want == "" {
				assert.Equal(t, []batch.DroppedEvents{{Reason: tc.reason, Events: 1}}, got.events)
				return
			}
			if tc.want == "same" {
				tc.want = tc.event
			}
			assert.Empty(t, got.events)
			assert.Equal(t, string(under(t, tc.want).AppendJSON(nil)), got.text)
			assert.Equal(t, got.text, filtered(t, f, parse(t, got.text)).text, "once more")
		})
	}
}

// What is not asked for is not blocked.
func TestDataPlan_what(t *testing.T) {
	plan := planOf(point("planned", "color"), match(`{"type":"user_attributes"}`, closedTo("plan")), match(`{"type":"user_identities"}`, closedTo("email")))
	const (
		head   = `{"context":{"data_plan":{"plan_id":"p"}},"user_identities":{"other":"o"},`
		user   = `"user_attributes":{"plan":"gold","age":"7"},`
		change = `{"event_type":"user_attribute_change","data":{"user_attribute_name":"age","new":"7"}}`
		ends   = `{"event_type":"session_end","data":{}}`
	)
	strange, sized, colored := custom("strange", `{"x":1}`), custom("planned", `{"color":1,"size":2}`), custom("planned", `{"color":1}`)
	join := func(user string, events ...string) string {
		text, _ := json.Marshal(raw(events...))
		return head + user + `"events":` + string(text) + `}`
	}
	whole := join(user, strange, sized, change, ends)
	for what, want := range map[filters.What]string{
		filters.Events:          join(user, sized, change, ends),
		filters.EventsOfAnyType: join(user, sized),
		filters.EventAttributes: join(user, strange, colored, change, ends),
		filters.UserAttributes:  join(`"user_attributes":{"plan":"gold"},`, strange, sized, ends),
		all:                     join(`"user_attributes":{"plan":"gold"},`, colored, ends),
		filters.EventsOfAnyType | filters.EventAttributes: join(user, colored),
	} {
		assert.Equal(t, want, filtered(t, filters.DataPlan(plan, what), parse(t, whole)).text, "%b", what)
	}
}

func TestDataPlan_userAttributes(t *testing.T) {
	for name, tc := range map[string]struct{ schema, attributes, want string }{
		"closed":          {closedTo("plan", "age"), `{"plan":"gold","x":1,"age":["7"],"y":null}`, `{"plan":"gold","age":["7"]}`},
		"all planned":     {closedTo("plan"), `{"plan":"gold"}`, `{"plan":"gold"}`},
		"none planned":    {`{"additionalProperties":false}`, `{"plan":"gold"}`, `{}`},
		"open":            {`{"additionalProperties":true,"properties":{}}`, `{"x":1}`, `{"x":1}`},
		"open by default": {`{"properties":{"a":{}}}`, `{"x":1}`, `{"x":1}`},
		"null":            {closedTo(), `null`, `null`},
		"another shape":   {closedTo("plan"), `["plan"]`, ``},
	} {
		f := filters.DataPlan(planOf(match(`{"type":"user_attributes"}`, tc.schema)), filters.UserAttributes)
		require.NoError(t, filters.Check(f), name)
		of := func(attributes string) string {
			if attributes == "" {
				return `{"context":{"data_plan":{"plan_id":"p"}}}`
			}
			return `{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":` + attributes + `}`
		}
		assert.Equal(t, of(tc.want), filtered(t, f, parse(t, of(tc.attributes))).text, name)
	}
	f := filters.DataPlan(planOf(match(`{"type":"user_attributes"}`, closedTo("plan"))), filters.UserAttributes)
	got := filtered(t, f, parse(t, `{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":{"x":1},"user_attributes":{"plan":1}}`))
	assert.Equal(t, `{"context":{"data_plan":{"plan_id":"p"}}}`, got.text, "repeated: readers disagree")
	none := filters.DataPlan(planOf(point("planned")), filters.UserAttributes)
	assert.Equal(t, `{"x":1}`, string(parse(t, filtered(t, none, parse(t, `{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":{"x":1}}`)).text).At("user_attributes").Raw()),
		"NODE: without a data point for them, attributes of users are not validated")
	changes := under(t, `{"event_type":"user_attribute_change","data":{"user_attribute_name":["x"]}}`, `{"event_type":"user_attribute_change","data":{"user_attribute_name":"plan"}}`,
		`{"event_type":"USER_ATTRIBUTE_CHANGE","data":{"user_attribute_name":"x"}}`)
	assert.Equal(t, []batch.DroppedEvents{{Reason: filters.ReasonUnplannedAttribute, Events: 2}}, filtered(t, f, changes).events)
}

// With the attributes of users alone, events are not looked at.
func TestDataPlan_userAttributesAlone(t *testing.T) {
	f := filters.DataPlan(planOf(match(`{"type":"user_attributes"}`, closedTo("plan"))), filters.UserAttributes)
	b := under(t, `{"event_type":"custom_event","data":7}`, `{"event_type":"screen_view","data":{"screen_name":1}}`)
	assert.Equal(t, string(b.AppendJSON(nil)), filtered(t, f, b).text)
}

// DP, Step 3: "Data that has not been tagged with an existing plan ID and
// environment is not validated."
func TestDataPlan_reference(t *testing.T) {
	const applies, passes, dropped = "applies", "passes", "dropped"
	for _, tc := range []struct{ context, any, two string }{ // any version; only version 2
		{`{"data_plan":{"plan_id":"p","plan_version":2}}`, applies, applies},
		{`{"data_plan":{"plan_id":"p","plan_version":"2"}}`, applies, applies},
		{`{"data_plan":{"plan_id":"p","plan_version":1}}`, applies, passes},
		{`{"data_plan":{"plan_id":"p"}}`, applies, applies},
		{`{"data_plan":{"plan_id":"p","plan_version":null}}`, applies, applies},
		{`{"data_plan":{"plan_id":"p","plan_version":"two"}}`, applies, dropped},
		{`{"data_plan":{"plan_id":"p","plan_version":2.0}}`, applies, dropped},
		{`{"data_plan":{"plan_id":"q","plan_version":2}}`, passes, passes},
		{`{"data_plan":{"plan_id":"P"}}`, passes, passes},
		{`{"data_plan":{}}`, passes, passes},
		{`{"data_plan":{"plan_id":null}}`, passes, passes},
		{`{"data_plan":null}`, passes, passes},
		{`{}`, passes, passes},
		{`null`, passes, passes},
		{`{"data_plan":{"plan_id":7}}`, dropped, dropped},
		{`{"data_plan":"p"}`, dropped, dropped},
		{`[{"data_plan":{"plan_id":"p"}}]`, dropped, dropped},
		{`"p"`, dropped, dropped},
		{`{"data_plan":{"plan_id":"q","plan_id":"p"}}`, dropped, dropped},
		{`{"data_plan":{"plan_id":"p"},"data_plan":null}`, dropped, dropped},
		{`{"data_plan":{"plan_id":"p","plan_version":1,"plan_version":2}}`, dropped, dropped},
	} {
		for i, f := range []batch.Filter{filters.DataPlan(planOf(), filters.Events), filters.DataPlan(planOf(), filters.Events, filters.PlanVersion(2))} {
			require.NoError(t, filters.Check(f))
			got := filtered(t, f, parse(t, `{"context":`+tc.context+`,"events":[`+custom("unplanned", `{}`)+`]}`))
			result := passes
			switch {
			case got.dropped == filters.ReasonMalformedPlan:
				result = dropped
			case len(got.events) > 0:
				result = applies
			}
			assert.Equal(t, [2]string{tc.any, tc.two}[i], result, "%s, filter %d", tc.context, i)
		}
	}
	b := parse(t, `{"context":{"data_plan":{"plan_id":"p"}},"context":{}}`)
	assert.Equal(t, filters.ReasonMalformedPlan, filtered(t, filters.DataPlan(planOf(), filters.Events), b).dropped)
}

// The forms in which mParticle gives a plan.
func TestDataPlan_documents(t *testing.T) {
	points := `{"data_points":[` + point("planned", "color") + `]}`
	for name, f := range map[string]batch.Filter{
		"a version, as the page lets download it": filters.DataPlan([]byte(`{"version":2,"data_plan_id":"p","activated_environment":"development","version_document":`+points+`}`), all),
		"as Data Plan Builder makes it":           filters.DataPlan([]byte(`{"version_description":"","version_document":`+points+`}`), all, filters.PlanID("p")),
		"the document by itself":                  filters.DataPlan([]byte(points), all, filters.PlanID("p")),
		"a plan with its only version":            filters.DataPlan([]byte(`{"data_plan_id":"p","data_plan_versions":[{"version":2,"data_plan_id":"p","version_document":`+points+`}]}`), all),
		"a plan with versions": filters.DataPlan([]byte(`{"data_plan_id":"p","data_plan_versions":[{"version":1,"version_document":{"data_points":[]}},{"version":2,"version_document":`+points+`}]}`), all,
			filters.PlanVersion(2)),
	} {
		require.NoError(t, filters.Check(f), name)
		got := filtered(t, f, under(t, custom("planned", `{"color":1,"size":2}`), custom("unplanned", `{}`)))
		assert.Equal(t, string(under(t, custom("planned", `{"color":1}`)).AppendJSON(nil)), got.text, name)
	}
}

func TestDataPlan_mistakes(t *testing.T) {
	at := func(text string) string { return "filters: data_plan.document.version_document.data_points" + text }
	schema := func(custom string) []byte {
		return planOf(match(`{"type":"session_end"}`, data(`"custom_attributes":`+custom)))
	}
	attributes := at("[0].validator.definition.properties.data.properties.custom_attributes")
	for want, f := range map[string]batch.Filter{
		"filters: data_plan.block: must be some of Events, EventsOfAnyType, EventAttributes and UserAttributes": filters.DataPlan(planOf(), 0),
		"filters: data_plan.plan_id: is required: the document has no data_plan_id":                             filters.DataPlan([]byte(`{"version_document":{"data_points":[]}}`), all),
		"filters: data_plan.plan_id: is not the data_plan_id of the document":                                   filters.DataPlan(planOf(), all, filters.PlanID("q")),
		"filters: data_plan.plan_version: must be above 0":                                                      filters.DataPlan([]byte(`{"data_plan_id":"p","version_document":{"data_points":[]}}`), all, filters.PlanVersion(0)),
		"filters: data_plan.plan_version: is 3, but the document is version 2":                                  filters.DataPlan(planOf(), all, filters.PlanVersion(3)),
		"filters: data_plan.document.data_plan_versions: has 2 versions: say which one by PlanVersion":          filters.DataPlan([]byte(`{"data_plan_id":"p","data_plan_versions":[{},{}]}`), all),
		"filters: data_plan.document.data_plan_versions: has 0 versions with the number 3":                      filters.DataPlan([]byte(`{"data_plan_id":"p","data_plan_versions":[{"version":1}]}`), all, filters.PlanVersion(3)),
		at("[0].match: must be an object"):                                                                      filters.DataPlan(planOf(`{"validator":{}}`), all),
		at("[0].validator.type: must be json_schema"):                                                           filters.DataPlan(planOf(`{"match":{"type":"opt_out"},"validator":{"type":"regex","definition":{}}}`), all),
		at("[1].validator.definition: must be an object"):                                                       filters.DataPlan(planOf(point("a"), `{"match":{"type":"opt_out"},"validator":{"type":"json_schema"}}`), all),
		at("[0].match.type: must be the type of a data point, such as custom_event"):                            filters.DataPlan(planOf(match(`{"type":"commerce"}`, `{}`)), all),
		at("[0].match.criteria: must be an object"):                                                             filters.DataPlan(planOf(match(`{"type":"screen_view"}`, `{}`)), all),
		at("[0].match.criteria.screen_name: is required"):                                                       filters.DataPlan(planOf(match(`{"type":"screen_view","criteria":{}}`, `{}`)), all),
		at("[0].match.criteria.custom_event_type: is required"):                                                 filters.DataPlan(planOf(match(`{"type":"custom_event","criteria":{"event_name":"a"}}`, `{}`)), all),
		at("[1].match: plans what another data point plans"):                                                    filters.DataPlan(planOf(point("a"), point("a")), all),
		attributes + ": must be an object":                                                                      filters.DataPlan(schema(`false`), all),
		attributes + ".properties: must be an object":                                                           filters.DataPlan(schema(`{"properties":[]}`), all),
		attributes + ".patternProperties: is not supported":                                                     filters.DataPlan(schema(`{"patternProperties":{"^a":{}}}`), all),
		attributes + ".$ref: is not supported":                                                                  filters.DataPlan(schema(`{"$ref":"#/a"}`), all),
		attributes + ".additionalProperties: is there twice":                                                    filters.DataPlan(schema(`{"additionalProperties":true,"additionalProperties":false}`), all),
	} {
		assert.EqualError(t, filters.Check(f), want)
	}
	for _, document := range []string{``, `[]`, `{`, `{"data_plan_id":"p","version_document":{}}`, `{"data_plan_id":7,"data_points":[]}`, `{"data_plan_id":"p","data_points":[],"version":0}`} {
		assert.Error(t, filters.Check(filters.DataPlan([]byte(document), all)), document)
	}
	// Every mistake at once.
	assert.EqualError(t, filters.Check(filters.DataPlan(planOf(`{}`, match(`{"type":"x"}`, `{}`)), 0)),
		at("[0].match: must be an object\n")+at("[0].validator: must be an object\n")+at("[1].match.type: must be the type of a data point, such as custom_event\n")+
			"filters: data_plan.block: must be some of Events, EventsOfAnyType, EventAttributes and UserAttributes")
}

func TestDataPlan_quarantine(t *testing.T) {
	plan := planOf(point("planned", "color"), match(`{"type":"user_attributes"}`, closedTo("plan")))
	var kept []filters.Blocked
	f := filters.DataPlan(plan, all, filters.Quarantine(func(_ context.Context, q filters.Blocked) error {
		kept = append(kept, q)
		return nil
	}))
	const text = `{"user_attributes":{"plan":"gold","$gender":"M"},"context":{"data_plan":{"plan_id":"p","plan_version":1}},"events":[` +
		`{"event_type":"custom_event","data":{"event_id":"-7778608565459706417","custom_event_type":"other","event_name":"strange"}},` +
		`{"event_type":"custom_event","data":{"custom_event_type":"other","event_name":"stranger"}},` +
		`{"event_type":"custom_event","data":{"event_id":8561854144327985348,"custom_event_type":"other","event_name":"planned","custom_attributes":{"testAttr1":"v","color":"red"}}}]}`
	b := parse(t, text)
	filtered(t, f, b)
	require.Len(t, kept, 1)
	q := kept[0]
	assert.Equal(t, text, string(q.Batch.AppendJSON(nil)), "the batch as it came")
	assert.Equal(t, []int{0, 1}, q.Events)
	assert.Equal(t, []filters.BlockedAttributes{{Event: 2, Paths: []string{"./data/custom_attributes/testAttr1"}}}, q.EventAttributes)
	assert.Equal(t, []string{"$gender"}, q.UserAttributes)

	// The members of mParticle's example_quarantine_batch.json.
	record, err := q.Record()
	require.NoError(t, err)
	assert.Equal(t, `{"dto_version":1,"blocked_event_ids":["-7778608565459706417"],"blocked_event_indexes":[0,1],`+
		`"blocked_event_attributes":[{"event_id":"8561854144327985348","event_attributes":["./data/custom_attributes/testAttr1"]}],`+
		`"blocked_user_attributes":["$gender"]}`, string(parse(t, string(record)).At("context", "data_plan", "block_metadata").Raw()))

	// Nothing is blocked, nothing is quarantined.
	filtered(t, f, under(t, custom("planned", `{"color":1}`)))
	assert.Len(t, kept, 1)

	// A reference that cannot be read: all of it.
	filtered(t, f, parse(t, `{"context":{"data_plan":7},"events":[{"event_type":"opt_out"}]}`))
	require.Len(t, kept, 2)
	assert.Equal(t, []int{0}, kept[1].Events)
	record, err = filters.Blocked{Batch: under(t, `{"event_type":"opt_out"}`)}.Record()
	require.NoError(t, err)
	assert.Contains(t, string(record), `"blocked_event_ids":[],"blocked_event_indexes":[],"blocked_event_attributes":[],"blocked_user_attributes":[]`)
}

// What cannot be quarantined is not forwarded either.
func TestDataPlan_quarantineFails(t *testing.T) {
	full := errors.New("disk is full")
	f := filters.DataPlan(planOf(), all, filters.Quarantine(func(context.Context, filters.Blocked) error { return full }))
	for _, data := range []string{`{"context":{"data_plan":{"plan_id":"p"}},"events":[{"event_type":"screen_view"}]}`, `{"context":{"data_plan":7}}`} {
		b := parse(t, data)
		assert.Same(t, full, f.Filter(t.Context(), b), data)
		assert.Equal(t, data, string(b.AppendJSON(nil)), "nothing was removed yet")
	}
}

// A planned name with a backslash in it is not the same as a name that is written
// with an escape sequence.
func TestDataPlan_backslash(t *testing.T) {
	f := filters.DataPlan(planOf(point("e", `a\n`, "b/c")), all)
	for attributes, want := range map[string]string{
		`{"a\\n":1}`:          `{"a\\n":1}`,
		`{"\u0061\\n":1}`:     `{"\u0061\\n":1}`,
		`{"a\n":1}`:           `{}`,
		`{"b\/c":1,"b/c":2}`:  `{"b\/c":1,"b/c":2}`,
		`{"b\\/c":1,"b/c":2}`: `{"b/c":2}`,
	} {
		b := under(t, custom("e", attributes))
		require.NoError(t, f.Filter(t.Context(), b))
		for _, e := range b.Events() {
			assert.Equal(t, want, string(e.At("data", "custom_attributes").Raw()), attributes)
		}
	}
}
