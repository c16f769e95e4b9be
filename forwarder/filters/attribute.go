package filters

import (
	"context"

	"github.com/eventferry/eventferry/batch"
)

// A Rule says what [Attribute] and [UserAttribute] do with what matches.
type Rule int

// The rules of mParticle's forwarding rules.
const (
	// OnlyForward forwards what matches and drops all else.
	OnlyForward Rule = 1 + iota
	// DoNotForward drops what matches and forwards all else.
	DoNotForward
)

// Attribute forwards or drops events by the value of one of their custom
// attributes, for [ReasonAttribute].
//
// A value matches when it is the same text, letter by letter; a number, true or
// false counts by its JSON text, so "5" and 5 are the same and 5.0 is another. A
// list matches when one of its elements does. An attribute that is missing or
// null matches nothing, so OnlyForward drops all events that lack it, whatever
// their type, and DoNotForward keeps them.
//
// What cannot be read is dropped under both rules: an object as the value, an
// attribute or a custom_attributes that is repeated, custom_attributes or data that
// are no object.
//
// Source: https://docs.mparticle.com/guides/platform-guide/connections/ ("You can
// choose to either not forward events that match the rule, or to only forward
// events that match the rule, excluding all others. ... Matching is case
// sensitive and exact"). The page is silent about lists; its web SDK asks only
// custom events, screen views and commerce events, the page names no exception.
func Attribute(name, value string, rule Rule) batch.Filter {
	var m mistakeList
	checkRule(&m, "attribute", name, rule)
	return m.build(&attributeFilter{newAttributeRule(name, value, rule)})
}

// UserAttribute forwards or drops batches by the value of one of the user's
// attributes, for [ReasonUserAttribute]. Values match as those of [Attribute] do.
//
// Source: as for Attribute; mParticle's web SDK has the same rule for attributes
// of users (src/forwarders.js, isEnabledForUserAttributes).
func UserAttribute(name, value string, rule Rule) batch.Filter {
	var m mistakeList
	checkRule(&m, "user_attribute", name, rule)
	return m.build(&userAttributeFilter{newAttributeRule(name, value, rule)})
}

func checkRule(m *mistakeList, filter, name string, rule Rule) {
	if name == "" {
		m.add(filter+".name", "must not be empty")
	}
	if rule != OnlyForward && rule != DoNotForward {
		m.add(filter+".rule", "must be OnlyForward or DoNotForward")
	}
}

type attributeRule struct {
	name, value string
	forward     bool // what matches; else all that does not
}

func newAttributeRule(name, value string, rule Rule) attributeRule {
	return attributeRule{name: name, value: value, forward: rule == OnlyForward}
}

// drops reports whether the rule drops what has these attributes.
func (r *attributeRule) drops(attributes []byte) bool {
	if !isObjectText(attributes) {
		return !isNothing(attributes) || r.forward
	}
	value, ok := soleMember(attributes, r.name)
	if !ok {
		return true
	}
	matches, ok := r.matches(value)
	return !ok || matches != r.forward
}

// matches is not ok when value is or holds something that has no text.
func (r *attributeRule) matches(value []byte) (matches, ok bool) {
	if isNothing(value) {
		return false, true
	}
	if !isArrayText(value) {
		text, ok := scalarText(value)
		return string(text) == r.value, ok
	}
	for element := range elementsOf(value) {
		if isNothing(element) {
			continue
		}
		text, ok := scalarText(element)
		if !ok {
			return false, false
		}
		matches = matches || string(text) == r.value
	}
	return matches, true
}

type attributeFilter struct{ attributeRule }

func (f *attributeFilter) Filter(_ context.Context, b *batch.Batch) error {
	b.DropEvents(ReasonAttribute, func(e batch.Event) bool {
		attributes, ok := e.At(customAttributesPath...).Sole()
		return !ok || attributes == nil && !hasReadableData(e.At()) || f.drops(attributes)
	})
	return nil
}

type userAttributeFilter struct{ attributeRule }

func (f *userAttributeFilter) Filter(_ context.Context, b *batch.Batch) error {
	attributes, ok := b.At(userAttributesPath...).Sole()
	if !ok || f.drops(attributes) {
		return batch.Drop(ReasonUserAttribute)
	}
	return nil
}
