package filters

import (
	"slices"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// editUserAttributes edits the attributes of the user that the target names.
func (t Target) editUserAttributes(b *batch.Batch, by targetEditor) error {
	if err := editMembers(b.At(userAttributesPath...), t.names, by); err != nil {
		return err
	}
	malformed := func(e batch.Event) bool {
		_, ok := changedAttribute(e)
		return !ok
	}
	b.DropEvents(ReasonMalformedUserChange, malformed)
	if by.removes {
		b.DropEvents(ReasonUserAttributeGone, t.isChange)
		return nil
	}
	for _, e := range b.Events() {
		if !t.isChange(e) {
			continue
		}
		for _, side := range []string{"new", "old"} {
			if err := editExisting(e.At("data", side), by); err != nil {
				return err
			}
		}
	}
	return nil
}

// isChange reports whether an event tells of a change of a named attribute.
func (t Target) isChange(e batch.Event) bool {
	name, _ := changedAttribute(e)
	return name != nil && slices.Contains(t.names, string(name))
}

// changedAttribute returns the name of the attribute that an event tells the
// change of, and nil for an event of another type. It is not ok when the name
// cannot be read.
func changedAttribute(e batch.Event) (name []byte, ok bool) {
	if !isType(e, batch.UserAttributeChange) {
		return nil, true
	}
	raw, sole := e.At("data", "user_attribute_name").Sole()
	if name, ok = textOf(raw); ok && sole {
		return name, true
	}
	return nil, sole && raw == nil && hasOtherData(e)
}

// hasOtherData reports whether an event that was about a change of an attribute has
// been made another one, with data that tells of no change.
func hasOtherData(e batch.Event) bool {
	if strings.EqualFold(e.Type(), batch.UserAttributeChange) || !hasReadableData(e.At()) {
		return false
	}
	for _, side := range []string{"new", "old"} {
		if raw, sole := e.At("data", side).Sole(); !sole || raw != nil {
			return false
		}
	}
	return true
}

// editEventAttributes edits the custom attributes of an event, and those of the
// breadcrumbs that a crash report holds, which are events themselves.
func (t Target) editEventAttributes(e batch.Event, by targetEditor) error {
	if err := t.editOwnAttributes(e.At(), by); err != nil {
		return err
	}
	if !isType(e, batch.CrashReport) {
		return nil
	}
	breadcrumbs := e.At("data", "breadcrumbs")
	raw, err := soleRaw(breadcrumbs)
	switch {
	case err != nil || isNothing(raw):
		return err
	case !isArrayText(raw):
		return breadcrumbs.Remove()
	}
	for _, breadcrumb := range breadcrumbs.All() {
		if err := t.editBreadcrumb(breadcrumb, by); err != nil {
			return err
		}
	}
	return nil
}

// editBreadcrumb edits the custom attributes of one breadcrumb. An element that is
// none is removed: it may hold what cannot be found.
func (t Target) editBreadcrumb(breadcrumb batch.Value, by targetEditor) error {
	switch raw := breadcrumb.Raw(); {
	case isNothing(raw):
		return nil
	case !isObjectText(raw):
		return breadcrumb.Remove()
	}
	return t.editOwnAttributes(breadcrumb, by)
}

// editOwnAttributes edits the custom attributes of an event alone.
func (t Target) editOwnAttributes(event batch.Value, by targetEditor) error {
	if !hasReadableData(event) {
		return event.At(eventDataPath...).Remove()
	}
	return editMembers(event.At(customAttributesPath...), t.names, by)
}
