package filters_test

import (
	"encoding/json"
	"testing"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
)

// FuzzDataPlan reads any plan: it is refused, or blocks the same twice and leaves
// valid JSON.
func FuzzDataPlan(f *testing.F) {
	f.Add(planOf(point("planned", "color")), []byte(`{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":{"a":1},"events":[`+custom("planned", `{"color":1,"x":2}`)+`]}`))
	f.Add(planOf(match(`{"type":"user_attributes"}`, closedTo("plan"))), []byte(`{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":{"a":1}}`))
	f.Add(planOf(match(`{"type":"product_impression"}`, data(`"product_impressions":{"items":{"properties":{"products":{"items":`+closedTo()+`}}}}`))),
		[]byte(`{"context":{"data_plan":{"plan_id":"p"}},"events":[{"event_type":"commerce_event","data":{"product_impressions":[{"products":[{"custom_attributes":{"a":1}}]}]}}]}`))
	f.Add([]byte(`{"data_plan_id":"p","data_plan_versions":[{"version":1,"version_document":{"data_points":[]}}]}`), []byte(`{}`))
	f.Add([]byte(`{"data_points":[{"match":{"type":"\u0063ustom_event"}}]}`), []byte(`{"context":{"data_plan":7}}`))
	f.Fuzz(func(t *testing.T, plan, data []byte) {
		filter := filters.DataPlan(plan, filters.EventsOfAnyType|filters.EventAttributes|filters.UserAttributes)
		b, err := batch.Parse(data)
		if err != nil {
			return
		}
		fuzzFilter(t, filter, b)
	})
}

// FuzzFilters gives any batch to all filters.
func FuzzFilters(f *testing.F) {
	f.Add([]byte(`{"environment":"production","consent_state":{"gdpr":{"analytics":{"consented":true}}},"mpid":1,"user_identities":[{"identity_type":"email","identity":"a"}]}`))
	f.Add([]byte(`{"user_attributes":{"a":["b",{}],"a":1},"user_identities":{"email":1,"Email":"x"},"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"a","new":"b"}}]}`))
	f.Add([]byte(`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email"}},"data":{}},{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"a":1}}}]}}]}`))
	list := []batch.Filter{
		filters.Environment("production"),
		filters.Consent(filters.GDPR("analytics"), filters.CCPA()),
		filters.Sample(0.5, "salt", filters.ByDevice()),
		filters.Attribute("a", "b", filters.DoNotForward),
		filters.UserAttribute("a", "b", filters.OnlyForward),
		filters.LoggedIn("email"),
		filters.Remove(filters.Identities("email"), filters.UserAttributesNamed("a"), filters.EventAttributesNamed("a"), filters.Member("a", "b"), filters.EventMember("data", "a")),
		filters.Pseudonymize(keyOne(), filters.Identities("email"), filters.UserAttributesNamed("a"), filters.EventAttributesNamed("a"), filters.Member("a", "b"), filters.EventMember("data", "a")),
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := batch.Parse(data)
		if err != nil {
			return
		}
		for _, filter := range list {
			fuzzFilter(t, filter, b)
		}
	})
}

func fuzzFilter(t *testing.T, filter batch.Filter, b *batch.Batch) {
	own := b.Clone()
	err := filter.Filter(t.Context(), own)
	first, dropped := batch.DropReason(err)
	if filters.Check(filter) != nil {
		if err == nil || dropped {
			t.Fatal("a filter built with a mistake runs")
		}
		return
	}
	if err != nil && !dropped {
		t.Fatal(err)
	}
	text := own.AppendJSON(nil)
	if !json.Valid(text) {
		t.Fatalf("not JSON any more: %q", text)
	}
	again, err := batch.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := batch.DropReason(filter.Filter(t.Context(), again))
	if first != second || string(again.AppendJSON(nil)) != string(text) {
		t.Fatalf("not the same when it runs again: %q, then %q; %q, then %q", first, second, text, again.AppendJSON(nil))
	}
}
