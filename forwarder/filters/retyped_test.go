package filters_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
)

// retyped makes custom events of all events, as a caller's filter may.
var retyped = batch.FilterFunc(func(_ context.Context, b *batch.Batch) error {
	for _, e := range b.Events() {
		if err := e.At("event_type").Set(batch.CustomEvent); err != nil {
			return err
		}
	}
	return nil
})

// Remove and Pseudonymize go by the type as parsed, too, whatever an earlier filter
// calls the event.
func TestTargets_retypedEvents(t *testing.T) {
	const (
		identityChange  = `{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"S"},"old":null}}]}`
		attributeChange = `{"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"p","new":"S","old":null}}]}`
		malformedChange = `{"events":[{"event_type":"user_identity_change","data":"S"},{"event_type":"user_attribute_change","data":"S"}]}`
		crash           = `{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"p":"S"}}}]}}]}`
	)
	for name, tc := range map[string]struct{ data, removed, pseudonymized string }{
		"identity change": {
			identityChange, `{"events":[]}`,
			`{"events":[{"event_type":"custom_event","data":{"new":{"identity_type":"email","identity":"` + one("S") + `"},"old":null}}]}`,
		},
		"attribute change": {
			attributeChange, `{"events":[]}`,
			`{"events":[{"event_type":"custom_event","data":{"user_attribute_name":"p","new":"` + one("S") + `","old":null}}]}`,
		},
		"changes that cannot be read": {malformedChange, `{"events":[]}`, `{"events":[]}`},
		"crash report": {
			crash, `{"events":[{"event_type":"custom_event","data":{"breadcrumbs":[{"data":{"custom_attributes":{}}}]}}]}`,
			`{"events":[{"event_type":"custom_event","data":{"breadcrumbs":[{"data":{"custom_attributes":{"p":"` + one("S") + `"}}}]}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			targets := []filters.Target{filters.Identities("email"), filters.UserAttributesNamed("p"), filters.EventAttributesNamed("p")}
			assert.Equal(t, tc.removed, filtered(t, both{retyped, filters.Remove(targets...)}, parse(t, tc.data)).text)
			assert.Equal(t, tc.pseudonymized, filtered(t, both{retyped, filters.Pseudonymize(keyOne(), targets...)}, parse(t, tc.data)).text)
		})
	}
}

// An event that was a change and has data of another kind now tells of none.
func TestTargets_retypedEventsWithOtherData(t *testing.T) {
	rewritten := batch.FilterFunc(func(_ context.Context, b *batch.Batch) error {
		for _, e := range b.Events() {
			if err := e.At("data").Set(map[string]string{"event_name": "a"}); err != nil {
				return err
			}
		}
		return nil
	})
	f := both{retyped, rewritten, filters.Remove(filters.Identities("email"), filters.UserAttributesNamed("p"))}
	got := filtered(t, f, parse(t, `{"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"p","new":"S"}},{"event_type":"user_identity_change","data":"S"}]}`))
	const event = `{"event_type":"custom_event","data":{"event_name":"a"}}`
	assert.Equal(t, `{"events":[`+event+`,`+event+`]}`, got.text)
	assert.Empty(t, got.events)
}

// A data plan blocks unplanned attributes of the user in events that were about
// them, too.
func TestDataPlan_retypedEvents(t *testing.T) {
	f := both{retyped, filters.DataPlan(planOf(match(`{"type":"user_attributes"}`, closedTo("plan"))), filters.UserAttributes)}
	got := filtered(t, f, parse(t, `{"context":{"data_plan":{"plan_id":"p"}},"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"age","new":"S"}}]}`))
	assert.Equal(t, `{"context":{"data_plan":{"plan_id":"p"}},"events":[]}`, got.text)
}
