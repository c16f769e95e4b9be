package filters

import (
	"bytes"

	"github.com/eventferry/eventferry/batch"
)

// A dataPlan is what a filter needs of a data plan: which events it plans, and
// which attributes they and the user may have.
type dataPlan struct {
	id      string
	version int64                   // 0: none
	points  map[string][]namedPoint // by planKey.name
	types   map[string]bool         // of the data points: their match.type
	user    attributeSet
}

// A planKey is what a data point matches events by.
type planKey struct{ matchType, kind, name string }

// A namedPoint is a data point with what it matches events by.
type namedPoint struct {
	planKey
	point *planPoint
}

// point returns the data point that matches this, or nil.
func (p *dataPlan) point(matchType string, kind, name []byte) *planPoint {
	for _, candidate := range p.points[string(name)] {
		if candidate.kind == string(kind) && candidate.matchType == matchType {
			return candidate.point
		}
	}
	return nil
}

// A planPoint is a data point for events.
type planPoint struct {
	attributes         attributeSet // data.custom_attributes
	actionProducts     attributeSet // custom_attributes of the products of data.product_action
	impressionProducts attributeSet // and of those of data.product_impressions
}

// An attributeSet says which attributes are planned.
type attributeSet struct {
	closed bool            // only those with these names; else all
	names  map[string]bool // whether the name has no backslash in it
	few    []string        // those that have none, if there are so few that a search takes less
}

// plansAll reports whether the set plans the names of all members of an object.
// A value that is no object cannot be planned.
func (s *attributeSet) plansAll(attributes []byte) bool {
	if !s.closed || isNothing(attributes) {
		return true
	}
	if !isObjectText(attributes) {
		return false
	}
	for m := (memberScanner{text: attributes, at: len("{")}); m.next(); {
		if !s.plansRaw(m.name) {
			return false
		}
	}
	return true
}

// plansNames is plansAll for the custom_attributes that r has read.
func (s *attributeSet) plansNames(r *eventReader) bool {
	if !r.named {
		return s.plansAll(r.eventFields[ownAttributes])
	}
	if s.closed {
		for _, name := range r.names[:r.count] {
			if !s.plansRaw(name) {
				return false
			}
		}
	}
	return true
}

// plansRaw is plans for a name in which there may be escape sequences. There are
// none when it is the same as one without a backslash.
func (s *attributeSet) plansRaw(name []byte) bool {
	for _, plain := range s.few {
		if plain == string(name) {
			return true
		}
	}
	if s.few == nil && s.names[string(name)] {
		return true
	}
	return bytes.IndexByte(name, '\\') >= 0 && s.plans(string(unescaped(name)))
}

func (s *attributeSet) plans(name string) bool {
	if !s.closed {
		return true
	}
	_, planned := s.names[name]
	return planned
}

// The types by which data points match commerce events, and user attributes.
const (
	matchProductAction     = "product_action"
	matchPromotionAction   = "promotion_action"
	matchProductImpression = "product_impression"
	matchUserAttributes    = "user_attributes"
	matchUserIdentities    = "user_identities"
)

// A standing is how an event stands to a plan.
type standing int

const (
	planned standing = iota
	unplanned
	unplannable // plans hold no events of its type
	malformed   // what decides about it cannot be read
)

// match finds the data point of an event. There is one only if it is planned.
// The fields that it reads are in r then.
func (p *dataPlan) match(e batch.Event, r *eventReader) (*planPoint, standing) {
	eventType := planType(e)
	if eventType == "" || !isPlannable(eventType, p) {
		return nil, unplannable
	}
	data, ok := e.At(eventDataPath...).Sole()
	if !ok || !isObjectText(data) && !isNothing(data) {
		return nil, malformed
	}
	if r.read(data); r.repeated {
		return nil, malformed
	}
	point, ok := p.find(eventType, &r.eventFields)
	switch {
	case !ok:
		return nil, malformed
	case point == nil:
		return nil, unplanned
	}
	return point, planned
}

// isPlannable reports whether an event of this type must be in the plan. Those
// that mParticle's page lists must; of the others those of which the plan has any.
func isPlannable(eventType string, p *dataPlan) bool {
	switch eventType {
	case batch.CustomEvent, batch.ScreenView, batch.CommerceEvent:
		return true
	}
	return p.types[eventType]
}

// planType returns the type of an event as plans have it, or "" when they have
// none like it.
func planType(e batch.Event) string {
	eventType := e.Type()
	for range 2 {
		switch eventType {
		case batch.CustomEvent, batch.ScreenView, batch.CommerceEvent, batch.ApplicationStateTransition,
			batch.Breadcrumb, batch.CrashReport, batch.FirstRun, batch.NetworkPerformance, batch.OptOut,
			batch.SessionStart, batch.SessionEnd, batch.Uninstall:
			return eventType
		}
		eventType = lowerCase(eventType)
	}
	return ""
}

// find returns the data point of an event with these fields, or nil. It is not ok
// when a field that decides is of another type.
func (p *dataPlan) find(eventType string, f *eventFields) (point *planPoint, ok bool) {
	switch eventType {
	case batch.CustomEvent:
		return p.lookUp(batch.CustomEvent, f[customEventType], f[eventName])
	case batch.ScreenView:
		return p.lookUp(batch.ScreenView, nil, f[screenName])
	case batch.ApplicationStateTransition:
		return p.lookUp(batch.ApplicationStateTransition, nil, f[transitionType])
	case batch.CommerceEvent:
		switch {
		case !isNothing(f[productAction]):
			return p.lookUpAction(matchProductAction, f[productAction])
		case !isNothing(f[promotionAction]):
			return p.lookUpAction(matchPromotionAction, f[promotionAction])
		case !isNothing(f[productImpressions]):
			return p.lookUp(matchProductImpression, nil, nil)
		}
		return nil, true
	}
	return p.lookUp(eventType, nil, nil)
}

func (p *dataPlan) lookUpAction(matchType string, action []byte) (*planPoint, bool) {
	if !isObjectText(action) {
		return nil, false
	}
	name, ok := soleMember(action, "action")
	if !ok {
		return nil, false
	}
	return p.lookUp(matchType, nil, name)
}

func (p *dataPlan) lookUp(matchType string, kind, name []byte) (*planPoint, bool) {
	var room [128]byte
	kindText, kindOK := nameText(nil, kind)
	text, ok := nameText(room[:], name)
	return p.point(matchType, kindText, text), ok && kindOK
}

// nameText returns the text of a string, which may be in room, and none of what is
// missing.
func nameText(room, value []byte) (text []byte, ok bool) {
	if isNothing(value) {
		return nil, true
	}
	return textIn(room, value)
}

// plansAttributes reports whether the point plans all attributes of the event that
// r has read. It is not ok when the products cannot be read.
func (p *planPoint) plansAttributes(r *eventReader) (all, ok bool) {
	all = p.attributes.plansNames(r)
	if p.actionProducts.closed && !isNothing(r.eventFields[productAction]) {
		planned, ok := p.actionProducts.plansProducts(r.eventFields[productAction])
		if !ok {
			return false, false
		}
		all = all && planned
	}
	if !p.impressionProducts.closed || isNothing(r.eventFields[productImpressions]) {
		return all, true
	}
	if !isArrayText(r.eventFields[productImpressions]) {
		return false, false
	}
	for impression := range elementsOf(r.eventFields[productImpressions]) {
		planned, ok := p.impressionProducts.plansProducts(impression)
		if !ok {
			return false, false
		}
		all = all && planned
	}
	return all, true
}

// plansProducts reports whether the set plans all attributes of the products in
// an object.
func (s *attributeSet) plansProducts(object []byte) (all, ok bool) {
	if isNothing(object) {
		return true, true
	}
	products, ok := soleMember(object, "products")
	if !ok || !isObjectText(object) || !isArrayText(products) && !isNothing(products) {
		return false, false
	}
	all = true
	for product := range elementsOf(products) {
		attributes, ok := soleMember(product, "custom_attributes")
		if !ok || !isObjectText(product) && !isNothing(product) {
			return false, false
		}
		all = all && s.plansAll(attributes)
	}
	return all, true
}
