package filters

import "github.com/eventferry/eventferry/batch"

// A planVerdict is what a data plan blocks of one batch. Events are named by
// their index.
type planVerdict struct {
	events     map[int]string // the reason of each that is dropped
	attributes map[int]*planPoint
	user       bool // there are unplanned attributes of the user
}

func (v *planVerdict) empty() bool { return len(v.events) == 0 && len(v.attributes) == 0 && !v.user }

func (v *planVerdict) drop(e batch.Event, reason string) {
	if v.events == nil {
		v.events = map[int]string{}
	}
	v.events[e.Index()] = reason
}

func (v *planVerdict) strip(e batch.Event, point *planPoint) {
	if v.attributes == nil {
		v.attributes = map[int]*planPoint{}
	}
	v.attributes[e.Index()] = point
}

// judge finds out what to block, and changes nothing.
func (f *dataPlanFilter) judge(b *batch.Batch) (v planVerdict) {
	if f.what&(Events|EventsOfAnyType|EventAttributes) != 0 {
		r, ok := f.readers.Get().(*eventReader)
		if !ok { // the pool is empty
			r = newEventReader()
		}
		for _, e := range b.Events() {
			f.judgeEvent(e, r, &v)
		}
		r.forget()
		f.readers.Put(r)
	}
	if f.what&UserAttributes == 0 || !f.plan.user.closed {
		return v
	}
	attributes, ok := b.At(userAttributesPath...).Sole()
	v.user = !ok || !f.plan.user.plansAll(attributes)
	for _, e := range b.Events() {
		if name, ok := changedAttribute(e); !ok || name != nil && !f.plan.user.plans(string(name)) {
			v.drop(e, ReasonUnplannedAttribute)
		}
	}
	return v
}

func (f *dataPlanFilter) judgeEvent(e batch.Event, r *eventReader, v *planVerdict) {
	point, stands := f.plan.match(e, r)
	switch stands {
	case malformed:
		v.drop(e, ReasonMalformedEvent)
	case unplanned:
		if f.what&(Events|EventsOfAnyType) != 0 {
			v.drop(e, ReasonUnplannedEvent)
		}
	case unplannable:
		if f.what&EventsOfAnyType != 0 {
			v.drop(e, ReasonUnplannedEvent)
		}
	case planned:
		if f.what&EventAttributes == 0 {
			return
		}
		switch all, ok := point.plansAttributes(r); {
		case !ok:
			v.drop(e, ReasonMalformedEvent)
		case !all:
			v.strip(e, point)
		}
	}
}

// remove removes what the verdict blocks.
func (f *dataPlanFilter) remove(b *batch.Batch, v *planVerdict) error {
	for _, reason := range []string{ReasonMalformedEvent, ReasonUnplannedEvent, ReasonUnplannedAttribute} {
		b.DropEvents(reason, func(e batch.Event) bool { return v.events[e.Index()] == reason })
	}
	var err error
	keep := func(_ []string, attribute batch.Value) {
		if e := attribute.Remove(); err == nil {
			err = e
		}
	}
	for _, e := range b.Events() {
		if point := v.attributes[e.Index()]; point != nil {
			point.eachUnplanned(e, keep)
		}
	}
	if v.user {
		f.plan.user.eachUnplanned(b.At(userAttributesPath...), nil, keep)
	}
	return err
}

// eachUnplanned calls do with each attribute of an event that the point does not
// plan, and the path of names that leads to it.
func (p *planPoint) eachUnplanned(e batch.Event, do func(path []string, attribute batch.Value)) {
	p.attributes.eachUnplanned(e.At(customAttributesPath...), customAttributesPath, do)
	action := []string{"data", "product_action"}
	p.actionProducts.eachUnplannedOfProducts(e.At(action...), action, do)
	impressions := []string{"data", "product_impressions"}
	i := 0
	for _, impression := range e.At(impressions...).All() {
		p.impressionProducts.eachUnplannedOfProducts(impression, pathTo(impressions, indexText(i)), do)
		i++
	}
}

func (s *attributeSet) eachUnplannedOfProducts(object batch.Value, path []string, do func([]string, batch.Value)) {
	i := 0
	for _, product := range object.At("products").All() {
		s.eachUnplanned(product.At("custom_attributes"), pathTo(path, "products", indexText(i), "custom_attributes"), do)
		i++
	}
}

// eachUnplanned calls do with each member of an object that the set does not
// plan, or with the object itself when it is none or repeated.
func (s *attributeSet) eachUnplanned(attributes batch.Value, path []string, do func([]string, batch.Value)) {
	if !s.closed {
		return
	}
	raw, ok := attributes.Sole()
	if ok && isNothing(raw) {
		return
	}
	if !ok || !isObjectText(raw) {
		do(path, attributes)
		return
	}
	for name, v := range attributes.All() {
		if !s.plans(name) {
			do(pathTo(path, name), v)
		}
	}
}
