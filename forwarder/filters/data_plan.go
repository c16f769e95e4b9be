package filters

import (
	"context"
	"strconv"
	"sync"

	"github.com/eventferry/eventferry/batch"
)

// What says what [DataPlan] blocks. Join several with |.
type What int

// What a data plan can block.
const (
	// Events blocks unplanned custom events, screen views and commerce events,
	// which mParticle's page says plans can hold. Events of other types are blocked
	// when the plan has data points of that type and none of them matches.
	Events What = 1 << iota

	// EventsOfAnyType blocks all events without a data point, whatever their type,
	// as mParticle's data-planning package counts them.
	EventsOfAnyType

	// EventAttributes blocks unplanned custom attributes of planned events, and of
	// the products in them.
	EventAttributes

	// UserAttributes blocks unplanned attributes of the user.
	UserAttributes
)

// A DataPlanOption changes what [DataPlan] does.
type DataPlanOption struct{ apply func(*dataPlanFilter) }

// PlanID gives the plan's id, for a document that has no data_plan_id.
func PlanID(id string) DataPlanOption {
	return DataPlanOption{func(f *dataPlanFilter) { f.id, f.idGiven = id, true }}
}

// PlanVersion applies the plan to batches that name this version of it, or no
// version. It also picks the version from a document that holds several.
func PlanVersion(version int) DataPlanOption {
	return DataPlanOption{func(f *dataPlanFilter) { f.version, f.versionGiven = int64(version), true }}
}

// Quarantine calls keep with what is blocked, before it is removed. An error of
// keep fails the call, so nothing of the batch is forwarded then. keep must be safe
// for concurrent use; it may be called again for a batch that is forwarded again.
func Quarantine(keep func(context.Context, Blocked) error) DataPlanOption {
	return DataPlanOption{func(f *dataPlanFilter) { f.quarantine = keep }}
}

// DataPlan blocks what a data plan of mParticle does not plan. document is the
// plan's JSON as mParticle's page and API give it: a plan with its versions, one
// version, or a version_document.
//
// It applies to batches whose context.data_plan names the plan by plan_id, and
// leaves the others alone. A batch whose reference cannot be read, because it is
// repeated or of another shape, is dropped for [ReasonMalformedPlan].
//
// An event matches a data point by its type and name: custom events by
// custom_event_type and event_name, screen views by screen_name, application state
// transitions by application_transition_type, commerce events by the action of
// product_action or else promotion_action or else by having product_impressions,
// and the others by their type. Unplanned events are dropped for
// [ReasonUnplannedEvent]. An event for which what decides is repeated or no string
// is dropped for [ReasonMalformedEvent].
//
// Attributes are blocked only by name, and only where the data point has
// additionalProperties false: custom_attributes, and those of products. An object
// that is closed and does not list custom_attributes plans none. Attributes of the
// user follow the data point for user_attributes in the same way; without one all
// are planned. The events of type user_attribute_change about a blocked attribute
// are dropped, for [ReasonUnplannedAttribute]; deleted_user_attributes stay, since
// they hold names only. Attributes that should be an object and are none are removed.
// Invalid values are never blocked, nor are identities.
//
// A plan that cannot be read, has two data points for the same event, or has
// keywords of JSON Schema that plan names in another way (patternProperties, $ref,
// allOf and the like) is a mistake.
//
// Sources: https://docs.mparticle.com/guides/data-master/data-planning/ ("You can
// block data only for unplanned violations: events or attributes with names that
// diverge from the schema defined in a data plan"; "Data that has not been tagged
// with an existing plan ID and environment is not validated"; custom, screen and
// commerce events can be planned, "Application State Transition Events, Session
// Events, Attribution Events" are "not yet included"); matching as in
// @mparticle/data-planning-node 1.0.3; product attributes as in mParticle's Android
// and web SDKs. The page is silent about events of a change, malformed data and
// references without a version, to which the plan applies.
func DataPlan(document []byte, what What, options ...DataPlanOption) batch.Filter {
	f := &dataPlanFilter{what: what}
	for _, o := range options {
		if o.apply != nil {
			o.apply(f)
		}
	}
	var r planReader
	f.plan = r.readPlan(document, f.version)
	m := r.mistakes
	if what <= 0 || what >= UserAttributes<<1 {
		m.add("data_plan.block", "must be some of Events, EventsOfAnyType, EventAttributes and UserAttributes")
	}
	if f.versionGiven && f.version < 1 {
		m.add("data_plan.plan_version", "must be above 0")
	}
	if f.versionGiven && f.plan.version != 0 && f.plan.version != f.version {
		m.add("data_plan.plan_version", "is %d, but the document is version %d", f.version, f.plan.version)
	}
	switch {
	case f.idGiven && f.plan.id != "" && f.plan.id != f.id:
		m.add("data_plan.plan_id", "is not the data_plan_id of the document")
	case !f.idGiven:
		f.id = f.plan.id
	}
	if f.id == "" {
		m.add("data_plan.plan_id", "is required: the document has no data_plan_id")
	}
	return m.build(f)
}

type dataPlanFilter struct {
	plan         *dataPlan
	what         What
	id           string
	version      int64 // 0: any
	idGiven      bool
	versionGiven bool
	quarantine   func(context.Context, Blocked) error
	readers      sync.Pool // of *eventReader
}

func (f *dataPlanFilter) Filter(ctx context.Context, b *batch.Batch) error {
	applies, ok := f.applies(b)
	if !ok {
		return f.dropAll(ctx, b)
	}
	if !applies {
		return nil
	}
	v := f.judge(b)
	if v.empty() {
		return nil
	}
	if f.quarantine != nil {
		if err := f.quarantine(ctx, v.blocked(f, b)); err != nil {
			return err
		}
	}
	return f.remove(b, &v)
}

// dropAll drops a batch that may or may not name the plan.
func (f *dataPlanFilter) dropAll(ctx context.Context, b *batch.Batch) error {
	if f.quarantine != nil {
		blocked := Blocked{Batch: b.Clone()}
		for _, e := range b.Events() {
			blocked.Events = append(blocked.Events, e.Index())
		}
		if err := f.quarantine(ctx, blocked); err != nil {
			return err
		}
	}
	return batch.Drop(ReasonMalformedPlan)
}

// applies reports whether the batch names the plan. It is not ok when that cannot
// be read.
func (f *dataPlanFilter) applies(b *batch.Batch) (applies, ok bool) {
	reference, ok := b.At(planReferencePath...).Sole()
	if !ok || !isObjectText(reference) {
		parent, sole := b.At(planReferencePath[0]).Sole()
		return false, ok && isNothing(reference) && (!sole || isObjectOrNothing(parent))
	}
	idValue, versionValue, sole := planReference(reference)
	id, isText := nameText(nil, idValue)
	if !sole || !isText {
		return false, false
	}
	if string(id) != f.id {
		return false, true
	}
	if !f.versionGiven || isNothing(versionValue) {
		return true, true
	}
	text, _ := scalarText(versionValue)
	version, err := strconv.ParseInt(string(text), 10, 64)
	return version == f.version, err == nil
}

// planReference returns the members that name a plan and its version. They are not
// sole when one of them is repeated.
func planReference(reference []byte) (id, version []byte, sole bool) {
	sole = true
	for s := scanMembers(reference); s.next(); {
		switch string(s.plainName()) {
		case "plan_id":
			sole = sole && id == nil
			id = s.value
		case "plan_version":
			sole = sole && version == nil
			version = s.value
		}
	}
	return id, version, sole
}
