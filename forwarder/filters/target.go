package filters

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eventferry/eventferry/batch"
)

// A Target names values of a batch that [Remove] and [Pseudonymize] change. Make
// one with [Identities], [UserAttributesNamed], [EventAttributesNamed], [Member]
// or [EventMember].
type Target struct {
	kind  targetKind
	names []string // of types or attributes, or a path
}

type targetKind int

const (
	identityTarget targetKind = 1 + iota
	userAttributeTarget
	eventAttributeTarget
	memberTarget
	eventMemberTarget
)

// Identities names the user's identities of these types, such as "email", whatever
// the case of letters: in user_identities, in both forms that mParticle writes, and
// in the events of type user_identity_change. An identity whose type cannot be
// read is named by all types; what cannot be an identity is removed. An event of
// that type whose data is neither an object nor null is dropped, for
// [ReasonMalformedUserChange]. An event counts as of its type when it was parsed,
// too, here and below: another filter may have changed it since.
func Identities(types ...string) Target { return Target{identityTarget, types} }

// UserAttributesNamed names attributes of the user: members of user_attributes,
// and the values in the events of type user_attribute_change about them. A
// user_attributes that is no object is removed; an event of that type whose
// attribute cannot be read is dropped, for [ReasonMalformedUserChange].
func UserAttributesNamed(names ...string) Target { return Target{userAttributeTarget, names} }

// EventAttributesNamed names custom attributes of events: members of
// data.custom_attributes, also those of the breadcrumbs in a crash report. A data
// or custom_attributes that is no object is removed, and so are breadcrumbs that are
// no list and what is no object in theirs.
func EventAttributesNamed(names ...string) Target { return Target{eventAttributeTarget, names} }

// Member names the member at a path of names from the batch on: Member("ip"),
// Member("device_info", "ios_advertising_id"). Of the events, see [EventMember].
// The user id (mpid) is the key of the message and cannot be changed.
func Member(path ...string) Target { return Target{memberTarget, path} }

// EventMember names the member at a path of names from each event on:
// EventMember("data", "location").
func EventMember(path ...string) Target { return Target{eventMemberTarget, path} }

// checkTargets adds what is wrong with the targets of a filter.
func checkTargets(m *mistakeList, filter string, targets []Target) {
	if len(targets) == 0 {
		m.add(filter, "needs something to change")
	}
	for _, t := range targets {
		field := filter + "." + t.kind.field()
		switch {
		case t.kind == 0:
			m.add(filter, "has a target that names nothing")
			continue
		case len(t.names) == 0:
			m.add(field, "names nothing")
		case slices.ContainsFunc(t.names, func(name string) bool { return !utf8.ValidString(name) }):
			m.add(field, "must be valid UTF-8")
		case t.kind == identityTarget && slices.Contains(t.names, ""):
			m.add(field, "has an empty identity type")
		case t.kind == memberTarget && t.names[0] == "mpid":
			m.add(field, "mpid is the key of the message and cannot be changed")
		case t.kind == memberTarget && t.names[0] == "events":
			m.add(field, "members of events are named from the event on, as event members")
		case t.kind == eventMemberTarget && t.names[0] == "event_type":
			m.add(field, "event_type cannot be changed")
		}
	}
}

// field returns the key of the target in settings.
func (k targetKind) field() string {
	switch k {
	case identityTarget:
		return "identities"
	case userAttributeTarget:
		return "user_attributes"
	case eventAttributeTarget:
		return "event_attributes"
	case memberTarget:
		return "members"
	default:
		return "event_members"
	}
}

// A targetEditor changes the values that targets name.
type targetEditor struct {
	edit    func(v batch.Value, raw []byte, sole bool) error // raw and sole are those of v.Sole
	removes bool                                             // what is about a value goes with it
}

// apply edits what the target names in b.
func (t Target) apply(b *batch.Batch, by targetEditor) error {
	switch t.kind {
	case identityTarget:
		return t.editIdentities(b, by)
	case userAttributeTarget:
		return t.editUserAttributes(b, by)
	case eventAttributeTarget:
		for _, e := range b.Events() {
			if err := t.editEventAttributes(e, by); err != nil {
				return err
			}
		}
	case eventMemberTarget:
		for _, e := range b.Events() {
			if err := editExisting(e.At(t.names...), by); err != nil {
				return err
			}
		}
	case memberTarget:
		return editExisting(b.At(t.names...), by)
	}
	return nil
}

// editExisting edits a value that exists, or that does for a reader to whom
// another of several repeated members counts.
func editExisting(v batch.Value, by targetEditor) error {
	raw, sole := v.Sole()
	if sole && raw == nil {
		return nil
	}
	return by.edit(v, raw, sole)
}

// editMembers edits the members with these names of an object. What should be an
// object and is none is removed.
func editMembers(object batch.Value, names []string, by targetEditor) error {
	raw, err := soleRaw(object)
	switch {
	case err != nil || isNothing(raw):
		return err
	case !isObjectText(raw):
		return object.Remove()
	}
	for _, name := range names {
		if err := editExisting(object.At(name), by); err != nil {
			return err
		}
	}
	return nil
}

// soleRaw returns the JSON text of v. Of a repeated value only the last is left:
// readers disagree about which one counts, and what one of them reads must not be
// what another edit has missed.
func soleRaw(v batch.Value) ([]byte, error) {
	raw, ok := v.Sole()
	if ok {
		return raw, nil
	}
	if raw = v.Raw(); raw == nil { // a parent is repeated, and the last does not have it
		return nil, v.Remove()
	}
	err := v.Set(json.RawMessage(raw))
	return v.Raw(), err
}

// hasType reports whether there is an event of this type, as isType does.
func hasType(b *batch.Batch, eventType string) bool {
	for _, e := range b.Events() {
		if isType(e, eventType) {
			return true
		}
	}
	return false
}

// isType reports whether an event is of this type, whatever the case of letters, or
// was when it was parsed: a filter that changes the type leaves the data as it is.
func isType(e batch.Event, eventType string) bool {
	return equalFold(e.Type(), eventType) || equalFold(e.ParsedType(), eventType)
}

// equalFold is strings.EqualFold for a lower-case type that begins with neither k
// nor s, which other than ASCII letters fold to. Most types differ in the first letter.
func equalFold(eventType, lower string) bool {
	return eventType != "" && eventType[0]|('a'-'A') == lower[0] && strings.EqualFold(eventType, lower)
}

// hasReadableData reports whether the data of an event is an object, null or absent.
// Each of repeated ones must be.
func hasReadableData(event batch.Value) bool {
	if raw, sole := event.At(eventDataPath...).Sole(); sole {
		return isObjectOrNothing(raw)
	}
	for name, v := range event.All() {
		if name == eventDataPath[0] && !isObjectOrNothing(v.Raw()) {
			return false
		}
	}
	return true
}

func isObjectOrNothing(raw []byte) bool { return isObjectText(raw) || isNothing(raw) }
