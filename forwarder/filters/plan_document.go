package filters

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/eventferry/eventferry/batch"
)

// A planReader reads mParticle's JSON form of a data plan and collects what is
// wrong with it.
type planReader struct{ mistakes mistakeList }

// planField is where a data plan stands in settings.
const planField = "data_plan.document"

func (r *planReader) mistake(path, format string, args ...any) {
	r.mistakes.add(planField+path, format, args...)
}

// readPlan reads a data plan, or the version of it with this number, 0 for the
// only one: a plan with data_plan_versions, one of those as mParticle's page lets
// download it, or a version_document by itself.
func (r *planReader) readPlan(document []byte, version int64) *dataPlan {
	p := &dataPlan{points: map[string][]namedPoint{}, types: map[string]bool{}}
	whole, err := batch.Parse(document)
	if err != nil {
		r.mistake("", "is not a JSON object: %s", jsonFault(err))
		return p
	}
	root := whole.At().Raw()
	p.id = r.text(root, "", "data_plan_id")
	root, path := r.pickVersion(root, version)
	if root == nil {
		return p
	}
	if id := r.text(root, path, "data_plan_id"); id != "" {
		p.id = id
	}
	p.version = r.number(root, path, "version")
	points := r.member(root, path, "data_points")
	if isNothing(points) {
		path += ".version_document"
		points = r.member(r.object(root, path[:len(path)-len(".version_document")], "version_document"), path, "data_points")
	}
	if path += ".data_points"; !isArrayText(points) {
		r.mistake(path, "must be a list")
		return p
	}
	i := 0
	for point := range elementsOf(points) {
		r.point(p, point, path+"["+strconv.Itoa(i)+"]")
		i++
	}
	return p
}

// jsonFault says what package batch has against a document, without its words for
// batches.
func jsonFault(err error) string {
	if e, ok := errors.AsType[*batch.Error](err); ok && e.Member == "" {
		return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
	}
	return "mpid and events are members of batches"
}

// pickVersion returns the version of a plan that is asked for, and its path.
func (r *planReader) pickVersion(root []byte, version int64) (picked []byte, path string) {
	versions := r.member(root, "", "data_plan_versions")
	if isNothing(versions) {
		return root, ""
	}
	const list = ".data_plan_versions"
	if !isArrayText(versions) {
		r.mistake(list, "must be a list")
		return nil, ""
	}
	i, found := 0, 0
	for candidate := range elementsOf(versions) {
		at := list + "[" + strconv.Itoa(i) + "]"
		i++
		if number := r.number(candidate, at, "version"); version == 0 || number == version {
			picked, path = candidate, at
			found++
		}
	}
	if found == 1 {
		return picked, path
	}
	if version != 0 {
		r.mistake(list, "has %d versions with the number %d", found, version)
	} else {
		r.mistake(list, "has %d versions: say which one by PlanVersion", found)
	}
	return nil, ""
}

// member returns a member of an object, which must not be repeated.
func (r *planReader) member(object []byte, path, name string) []byte {
	value, ok := soleMember(object, name)
	if !ok {
		r.mistake(path+"."+name, "is there twice")
	}
	return value
}

// object returns a member that must be an object.
func (r *planReader) object(parent []byte, path, name string) []byte {
	value := r.member(parent, path, name)
	if !isObjectText(value) {
		r.mistake(path+"."+name, "must be an object")
		return nil
	}
	return value
}

// text returns a member that must be a string if it is there.
func (r *planReader) text(object []byte, path, name string) string {
	value := r.member(object, path, name)
	text, ok := nameText(nil, value)
	if !ok {
		r.mistake(path+"."+name, "must be a string")
	}
	return string(text)
}

// number returns a member that must be a whole number if it is there.
func (r *planReader) number(object []byte, path, name string) int64 {
	value := r.member(object, path, name)
	if isNothing(value) {
		return 0
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 1 {
		r.mistake(path+"."+name, "must be a whole number above 0")
	}
	return n
}

// point reads one data point.
func (r *planReader) point(p *dataPlan, point []byte, path string) {
	match := r.object(point, path, "match")
	validator := r.object(point, path, "validator")
	if match == nil || validator == nil {
		return
	}
	if t := r.text(validator, path+".validator", "type"); t != "json_schema" {
		r.mistake(path+".validator.type", "must be json_schema")
	}
	definition := r.object(validator, path+".validator", "definition")
	key, ok := r.key(match, path+".match")
	if !ok || definition == nil {
		return
	}
	schema := planSchema{reader: r, path: path + ".validator.definition", text: definition}
	switch key.matchType {
	case matchUserIdentities: // identities are not blocked
	case matchUserAttributes:
		if p.types[matchUserAttributes] {
			r.mistake(path+".match", "plans what another data point plans")
		}
		p.user = schema.attributes()
	default:
		if p.point(key.matchType, []byte(key.kind), []byte(key.name)) != nil {
			r.mistake(path+".match", "plans what another data point plans")
		}
		p.points[key.name] = append(p.points[key.name], namedPoint{key, &planPoint{
			attributes:         schema.step("data").step("custom_attributes").attributes(),
			actionProducts:     schema.step("data").step("product_action").products(),
			impressionProducts: schema.step("data").step("product_impressions").items().products(),
		}})
	}
	p.types[key.matchType] = true
}

// key reads what a data point matches.
func (r *planReader) key(match []byte, path string) (key planKey, ok bool) {
	key.matchType = r.text(match, path, "type")
	var name string
	switch key.matchType {
	case batch.Breadcrumb, batch.CrashReport, batch.FirstRun, batch.NetworkPerformance, batch.OptOut,
		batch.SessionStart, batch.SessionEnd, batch.Uninstall,
		matchProductImpression, matchUserAttributes, matchUserIdentities:
		return key, true
	case batch.CustomEvent:
		name = "event_name"
	case batch.ScreenView:
		name = "screen_name"
	case batch.ApplicationStateTransition:
		name = "application_transition_type"
	case matchProductAction, matchPromotionAction:
		name = "action"
	default:
		r.mistake(path+".type", "must be the type of a data point, such as custom_event")
		return key, false
	}
	criteria := r.object(match, path, "criteria")
	if criteria == nil {
		return key, false
	}
	path += ".criteria"
	if key.name = r.text(criteria, path, name); key.name == "" {
		r.mistake(path+"."+name, "is required")
	}
	if key.matchType == batch.CustomEvent {
		if key.kind = r.text(criteria, path, "custom_event_type"); key.kind == "" {
			r.mistake(path+".custom_event_type", "is required")
		}
	}
	return key, true
}
