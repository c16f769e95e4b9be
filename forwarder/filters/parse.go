package filters

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// A Named is a filter of a list in settings. Its name is the path that also stands
// in mistakes, such as "filters[0].consent".
type Named struct {
	Name   string
	Filter batch.Filter
}

// Parse builds the filters of settings.Settings.Filters, in their order. The list
// is JSON; each element is an object with one member, named after a filter:
//
//	[
//	  {"environment": ["production"]},
//	  {"consent": {"gdpr": ["analytics"], "ccpa": true}},
//	  {"data_plan": {"file": "plan.json", "block": ["events", "event_attributes", "user_attributes"]}},
//	  {"sample": {"fraction": 0.25, "salt": "2026", "by_device": true}},
//	  {"attribute": {"name": "level", "value": "5", "rule": "only_forward"}},
//	  {"user_attribute": {"name": "plan", "value": "trial", "rule": "do_not_forward"}},
//	  {"logged_in": ["customer_id", "email"]},
//	  {"pseudonymize": {"key_id": "k1", "key_file": "/run/secrets/pseudonyms", "identities": ["email"],
//	                    "members": [["ip"]]}},
//	  {"remove": {"event_attributes": ["phone"], "event_members": [["data", "custom_flags"]]}}
//	]
//
// A data_plan may have its document in place of a file, and plan_id and
// plan_version; block may have events_of_any_type. pseudonymize may have
// previous_key_id and previous_key_file; its keys are in files only, so that no
// settings hold them, and one line ending at the end of a file is no part of the
// key. What pseudonymize and remove name are identities, user_attributes,
// event_attributes, members and event_members, the last two as lists of paths.
//
// All mistakes are joined, each a [*settings.FieldError] with its path: unknown,
// repeated and missing members, values of another type, files that cannot be read,
// and those that [Check] finds.
func Parse(list []byte) ([]Named, error) {
	if len(list) == 0 {
		return nil, nil
	}
	const field = "filters"
	if !json.Valid(list) || !utf8.Valid(list) || !isArrayText(list[skipBlank(list, 0):]) {
		return nil, &settings.FieldError{Field: field, Reason: "must be a JSON list"}
	}
	var r listReader
	var named []Named
	i := 0
	for element := range elementsOf(list[skipBlank(list, 0):]) {
		named = append(named, r.filter(field+"["+strconv.Itoa(i)+"]", element))
		i++
	}
	return named, errors.Join(r.mistakes...)
}

// A listReader builds filters and collects what is wrong with their settings.
type listReader struct{ mistakes []error }

func (r *listReader) mistake(path, format string, args ...any) {
	r.fail(path, "", fmt.Sprintf(format, args...), nil)
}

func (r *listReader) fail(path, value, reason string, err error) {
	r.mistakes = append(r.mistakes, &settings.FieldError{Field: path, Value: value, Reason: reason, Err: err})
}

// filter builds the filter of one element.
func (r *listReader) filter(path string, element []byte) Named {
	s := scanMembers(element)
	if !s.next() {
		r.mistake(path, "must be an object with one member, the name of a filter")
		return Named{}
	}
	name, value := string(s.plainName()), s.value
	if s.next() {
		r.mistake(path, "must have one member only, the name of a filter")
		return Named{}
	}
	before := len(r.mistakes)
	f := r.build(name, path+"."+name, value)
	if f == nil {
		r.mistake(path, "has an unknown filter %.40q: it must be one of attribute, consent, data_plan, environment, logged_in, pseudonymize, remove, sample and user_attribute", name)
		return Named{}
	}
	if b, ok := f.(*brokenFilter); ok && len(r.mistakes) == before { // else it may be broken by what is reported already
		for _, m := range b.mistakes {
			r.mistake(path+"."+m.field, "%s", m.reason)
		}
	}
	return Named{path + "." + name, f}
}

// build returns nil when there is no filter of that name.
func (r *listReader) build(name, path string, value []byte) batch.Filter {
	switch name {
	case "environment":
		return Environment(r.texts(path, value)...)
	case "consent":
		return r.consent(path, value)
	case "data_plan":
		return r.dataPlan(path, value)
	case "sample":
		return r.sample(path, value)
	case "attribute", "user_attribute":
		return r.attribute(name, path, value)
	case "logged_in":
		return LoggedIn(r.texts(path, value)...)
	case "pseudonymize":
		return r.pseudonymize(path, value)
	case "remove":
		return r.remove(path, value)
	}
	return nil
}

func (r *listReader) consent(path string, value []byte) batch.Filter {
	m := r.object(path, value, "gdpr", "ccpa")
	var rules []ConsentRule
	if purposes := m["gdpr"]; purposes != nil {
		rules = append(rules, GDPR(r.texts(path+".gdpr", purposes)...))
	}
	if r.boolean(path+".ccpa", m["ccpa"]) {
		rules = append(rules, CCPA())
	}
	return Consent(rules...)
}

func (r *listReader) sample(path string, value []byte) batch.Filter {
	m := r.object(path, value, "fraction", "salt", "by_device")
	var options []SampleOption
	if r.boolean(path+".by_device", m["by_device"]) {
		options = append(options, ByDevice())
	}
	r.require(path, m, "fraction")
	return Sample(r.number(path+".fraction", m["fraction"]), r.text(path+".salt", m["salt"]), options...)
}

func (r *listReader) attribute(name, path string, value []byte) batch.Filter {
	m := r.object(path, value, "name", "value", "rule")
	r.require(path, m, "name", "value", "rule")
	var rule Rule
	switch text := r.text(path+".rule", m["rule"]); text {
	case "only_forward":
		rule = OnlyForward
	case "do_not_forward":
		rule = DoNotForward
	default:
		r.mistake(path+".rule", "must be only_forward or do_not_forward")
	}
	if name == "attribute" {
		return Attribute(r.text(path+".name", m["name"]), r.text(path+".value", m["value"]), rule)
	}
	return UserAttribute(r.text(path+".name", m["name"]), r.text(path+".value", m["value"]), rule)
}

func (r *listReader) dataPlan(path string, value []byte) batch.Filter {
	m := r.object(path, value, "file", "document", "plan_id", "plan_version", "block")
	document := m["document"]
	switch file := m["file"]; {
	case file == nil && document == nil:
		r.mistake(path+".file", "is required, or document")
	case file != nil && document != nil:
		r.mistake(path+".document", "must not be there beside file")
	case file != nil:
		document = r.file(path+".file", r.text(path+".file", file))
	}
	var options []DataPlanOption
	if id := m["plan_id"]; id != nil {
		options = append(options, PlanID(r.text(path+".plan_id", id)))
	}
	if version := m["plan_version"]; version != nil {
		n, err := strconv.Atoi(string(version))
		if err != nil {
			r.mistake(path+".plan_version", "must be a whole number")
		}
		options = append(options, PlanVersion(n))
	}
	r.require(path, m, "block")
	var what What
	for _, name := range r.texts(path+".block", m["block"]) {
		switch name {
		case "events":
			what |= Events
		case "events_of_any_type":
			what |= EventsOfAnyType
		case "event_attributes":
			what |= EventAttributes
		case "user_attributes":
			what |= UserAttributes
		default:
			r.mistake(path+".block", "must be some of events, events_of_any_type, event_attributes and user_attributes")
		}
	}
	return DataPlan(document, what, options...)
}

// targetKeys are the members that name what to change.
func targetKeys(more ...string) []string {
	return append(more, "identities", "user_attributes", "event_attributes", "members", "event_members")
}

func (r *listReader) remove(path string, value []byte) batch.Filter {
	return Remove(r.targets(path, r.object(path, value, targetKeys()...))...)
}

func (r *listReader) pseudonymize(path string, value []byte) batch.Filter {
	m := r.object(path, value, targetKeys("key_id", "key_file", "previous_key_id", "previous_key_file")...)
	r.require(path, m, "key_id", "key_file")
	key := r.key(path, m, "key")
	if m["previous_key_id"] != nil || m["previous_key_file"] != nil {
		r.require(path, m, "previous_key_id", "previous_key_file")
		previous := r.key(path, m, "previous_key")
		key.Previous = &previous
	}
	return Pseudonymize(key, r.targets(path, m)...)
}

func (r *listReader) key(path string, m map[string][]byte, name string) Key {
	key := Key{ID: r.text(path+"."+name+"_id", m[name+"_id"])}
	if file := m[name+"_file"]; file != nil {
		key.Secret = r.secretFile(path+"."+name+"_file", r.text(path+"."+name+"_file", file))
	}
	return key
}

func (r *listReader) targets(path string, m map[string][]byte) []Target {
	var targets []Target
	for _, kind := range []targetKind{identityTarget, userAttributeTarget, eventAttributeTarget} {
		if value := m[kind.field()]; value != nil {
			targets = append(targets, Target{kind, r.texts(path+"."+kind.field(), value)})
		}
	}
	for _, kind := range []targetKind{memberTarget, eventMemberTarget} {
		if value := m[kind.field()]; value != nil {
			for _, names := range r.paths(path+"."+kind.field(), value) {
				targets = append(targets, Target{kind, names})
			}
		}
	}
	return targets
}
