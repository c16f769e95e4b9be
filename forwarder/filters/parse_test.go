package filters_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/settings"
)

// Built from settings, a filter does what it does built in Go.
func TestParse_likeGo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return jsonText(file)
	}
	plan := planOf(point("planned", "color"), match(`{"type":"user_attributes"}`, closedTo("plan")))
	keyFile, oldFile, planFile := write("key", secretTwo+"\r\n"), write("old", secretOne+"\n"), write("plan.json", string(plan))
	old := keyOne()
	key := filters.Key{ID: "k2", Secret: settings.NewSecret(secretTwo), Previous: &old}
	targets := `"identities":["email"],"user_attributes":["plan","age"],"event_attributes":["color"],"members":[["ip"],["device_info","device"]],"event_members":[["data","event_id"]]`
	inGo := []filters.Target{
		filters.Identities("email"), filters.UserAttributesNamed("plan", "age"), filters.EventAttributesNamed("color"),
		filters.Member("ip"), filters.Member("device_info", "device"), filters.EventMember("data", "event_id"),
	}
	batches := []*batch.Batch{
		parse(t, `{"mpid":1,"environment":"production","ip":"1.2.3.4","device_info":{"device":"d"},"consent_state":{"gdpr":{"a":{"consented":true}},"ccpa":{"data_sale_opt_out":{"consented":true}}},`+
			`"user_identities":{"email":"e"},"user_attributes":{"plan":"gold","age":"7"},"context":{"data_plan":{"plan_id":"p","plan_version":2}},`+
			`"events":[`+custom("planned", `{"color":"red","size":1}`)+`,`+custom("strange", `{"level":"5"}`)+`,{"event_type":"opt_out","data":{"event_id":"1"}}]}`),
		parse(t, `{"mp_deviceid":"x","environment":"development","consent_state":{"gdpr":{"a":{"consented":true}}}}`),
		parse(t, `{"mpid":77,"user_attributes":{"plan":"trial"},"context":{"data_plan":{"plan_id":"p","plan_version":1}},"events":[`+custom("strange", `{"level":"6"}`)+`]}`),
	}
	for text, want := range map[string]batch.Filter{
		`{"environment":["production"]}`:                                              filters.Environment("production"),
		`{"consent":{"gdpr":["a"]}}`:                                                  filters.Consent(filters.GDPR("a")),
		`{"consent":{"ccpa":true,"gdpr":null}}`:                                       filters.Consent(filters.CCPA()),
		`{"consent":{"gdpr":["a"],"ccpa":true}}`:                                      filters.Consent(filters.GDPR("a"), filters.CCPA()),
		`{"sample":{"fraction":0.5,"salt":"s"}}`:                                      filters.Sample(0.5, "s"),
		`{"sample":{"fraction":1,"by_device":true}}`:                                  filters.Sample(1, "", filters.ByDevice()),
		`{"attribute":{"name":"level","value":"5","rule":"only_forward"}}`:            filters.Attribute("level", "5", filters.OnlyForward),
		`{"attribute":{"name":"level","value":"5","rule":"do_not_forward"}}`:          filters.Attribute("level", "5", filters.DoNotForward),
		`{"user_attribute":{"name":"plan","value":"trial","rule":"do_not_forward"}}`:  filters.UserAttribute("plan", "trial", filters.DoNotForward),
		`{"logged_in":["email"]}`:                                                     filters.LoggedIn("email"),
		`{"remove":{` + targets + `}}`:                                                filters.Remove(inGo...),
		`{"pseudonymize":{"key_id":"k1","key_file":` + oldFile + `,` + targets + `}}`: filters.Pseudonymize(old, inGo...),
		`{"pseudonymize":{"key_id":"k2","key_file":` + keyFile + `,"previous_key_id":"k1","previous_key_file":` + oldFile + `,` + targets + `}}`: filters.Pseudonymize(key, inGo...),
		`{"data_plan":{"file":` + planFile + `,"block":["events","event_attributes","user_attributes"]}}`:                                        filters.DataPlan(plan, all),
		`{"data_plan":{"document":` + string(plan) + `,"plan_version":2,"block":["events_of_any_type"]}}`:                                        filters.DataPlan(plan, filters.EventsOfAnyType, filters.PlanVersion(2)),
		`{"data_plan":{"document":{"data_points":[]},"plan_id":"p","block":["events"]}}`:                                                         filters.DataPlan([]byte(`{"data_points":[]}`), filters.Events, filters.PlanID("p")),
	} {
		list, err := filters.Parse([]byte(`[` + text + `]`))
		require.NoError(t, err, text)
		require.Len(t, list, 1)
		require.NoError(t, filters.Check(want), text)
		for _, b := range batches {
			assert.Equal(t, filtered(t, want, b), filtered(t, list[0].Filter, b), text)
		}
	}
	list, err := filters.Parse([]byte(` [ {"environment":["a"]} , {"environment":["b"]},{"logged_in":["c"]} ] `))
	require.NoError(t, err)
	require.Len(t, list, 3)
	assert.Equal(t, "filters[0].environment", list[0].Name)
	assert.Equal(t, "filters[1].environment", list[1].Name)
	assert.Equal(t, "filters[2].logged_in", list[2].Name)
	for _, empty := range []string{``, `[]`} {
		list, err := filters.Parse([]byte(empty))
		assert.NoError(t, err)
		assert.Empty(t, list)
	}
}

func jsonText(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// Each mistake has its path.
func TestParse_mistakes(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                        `filters: must be a JSON list`,
		`[`:                                         `filters: must be a JSON list`,
		"[\"\xff\"]":                                `filters: must be a JSON list`,
		`["environment"]`:                           `filters[0]: must be an object with one member, the name of a filter`,
		`[{"environment":["a"]},{}]`:                `filters[1]: must be an object with one member, the name of a filter`,
		`[{"environment":["a"],"consent":1}]`:       `filters[0]: must have one member only, the name of a filter`,
		`[{"enviro":["a"]}]`:                        `filters[0]: has an unknown filter "enviro": it must be one of attribute, consent, data_plan, environment, logged_in, pseudonymize, remove, sample and user_attribute`,
		`[{"environment":"production"}]`:            `filters[0].environment: must be a list of strings`,
		`[{"environment":[1]}]`:                     `filters[0].environment: must be a list of strings`,
		`[{"environment":[]}]`:                      `filters[0].environment: needs at least one name, such as production`,
		`[{"environment":null}]`:                    `filters[0].environment: needs at least one name, such as production`,
		`[{"consent":[]}]`:                          `filters[0].consent: must be an object`,
		`[{"consent":{}}]`:                          `filters[0].consent: needs a rule, GDPR or CCPA`,
		`[{"consent":{"ccpa":"yes"}}]`:              `filters[0].consent.ccpa: must be true or false`,
		`[{"consent":{"gdpr":[]}}]`:                 `filters[0].consent.gdpr: needs at least one purpose`,
		`[{"consent":{"gdpr":["a"],"gdpr":["b"]}}]`: `filters[0].consent.gdpr: is there twice`,
		`[{"consent":{"gpdr":["a"],"ccpa":true}}]`:  `filters[0].consent: has an unknown member "gpdr": it can have gdpr, ccpa`,
		`[{"sample":{}}]`:                           `filters[0].sample.fraction: is required`,
		`[{"sample":{"fraction":"half"}}]`:          `filters[0].sample.fraction: must be a number`,
		`[{"sample":{"fraction":2}}]`:               `filters[0].sample.fraction: must be from 0 to 1, not 2`,
		`[{"sample":{"fraction":1,"salt":7}}]`:      `filters[0].sample.salt: must be a string`,
		`[{"attribute":{"name":"a","value":"b","rule":"only"}}]`:       `filters[0].attribute.rule: must be only_forward or do_not_forward`,
		`[{"user_attribute":{"name":"a","rule":"only_forward"}}]`:      `filters[0].user_attribute.value: is required`,
		`[{"attribute":{"name":"a","value":5,"rule":"only_forward"}}]`: `filters[0].attribute.value: must be a string`,
		`[{"logged_in":[""]}]`:                                                                `filters[0].logged_in: has an empty identity type`,
		`[{"remove":{}}]`:                                                                     `filters[0].remove: needs something to change`,
		`[{"remove":{"members":["ip"]}}]`:                                                     `filters[0].remove.members[0]: must be a list of strings`,
		`[{"remove":{"members":[["a"],["b"],7]}}]`:                                            `filters[0].remove.members[2]: must be a list of strings`,
		`[{"remove":{"members":[["mpid"]]}}]`:                                                 `filters[0].remove.members: mpid is the key of the message and cannot be changed`,
		`[{"remove":{"event_members":[]}}]`:                                                   `filters[0].remove.event_members: names nothing`,
		`[{"pseudonymize":{"key_file":"x","identities":["email"]}}]`:                          `filters[0].pseudonymize.key_id: is required`,
		`[{"pseudonymize":{"key_id":"k","key":"in the clear","identities":["email"]}}]`:       `filters[0].pseudonymize: has an unknown member "key"`,
		`[{"pseudonymize":{"key_id":"k","key_file":"/no/such/file","identities":["e"]}}]`:     `filters[0].pseudonymize.key_file "/no/such/file": cannot be read`,
		`[{"data_plan":{"block":["events"]}}]`:                                                `filters[0].data_plan.file: is required, or document`,
		`[{"data_plan":{"file":"a","document":{},"block":["events"]}}]`:                       `filters[0].data_plan.document: must not be there beside file`,
		`[{"data_plan":{"document":{"data_points":[]},"plan_id":"p"}}]`:                       `filters[0].data_plan.block: is required`,
		`[{"data_plan":{"document":{"data_points":[]},"plan_id":"p","block":["all"]}}]`:       `filters[0].data_plan.block: must be some of events, events_of_any_type, event_attributes and user_attributes`,
		`[{"data_plan":{"document":{"data_points":7},"plan_id":"p","block":["events"]}}]`:     `filters[0].data_plan.document.data_points: must be a list`,
		`[{"data_plan":{"document":[],"plan_id":"p","plan_version":"2","block":["events"]}}]`: `filters[0].data_plan.plan_version: must be a whole number`,
	} {
		_, err := filters.Parse([]byte(text))
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), "settings: "+want, text)
			var field *settings.FieldError
			assert.ErrorAs(t, err, &field, text)
		}
	}
	// Every mistake at once.
	_, err := filters.Parse([]byte(`[{"environment":[]},{"sample":{"fraction":2,"by_device":1}},{"logged_in":["email"]},{"remove":{"members":[["mpid"],["events"]]}}]`))
	assert.Equal(t, []string{
		"settings: filters[0].environment: needs at least one name, such as production",
		"settings: filters[1].sample.by_device: must be true or false",
		"settings: filters[3].remove.members: mpid is the key of the message and cannot be changed",
		"settings: filters[3].remove.members: members of events are named from the event on, as event members",
	}, strings.Split(err.Error(), "\n"))
}

// FuzzParse reads any list: it is refused, or its filters run.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"environment":["production"]},{"consent":{"gdpr":["analytics"],"ccpa":true}}]`), []byte(`{"environment":"production"}`))
	f.Add([]byte(`[{"sample":{"fraction":0.25,"salt":"2026","by_device":true}},{"logged_in":["email"]}]`), []byte(`{"mpid":7}`))
	f.Add([]byte(`[{"attribute":{"name":"level","value":"5","rule":"only_forward"}}]`), []byte(`{"events":[{"event_type":"opt_out"}]}`))
	f.Add([]byte(`[{"remove":{"event_attributes":["phone"],"event_members":[["data","custom_flags"]],"members":[["a","b"]]}}]`), []byte(`{"a":{"b":1}}`))
	f.Add([]byte(`[{"data_plan":{"document":{"data_points":[]},"plan_id":"p","block":["events"]}}]`), []byte(`{"context":{"data_plan":{"plan_id":"p"}},"events":[{"event_type":"screen_view"}]}`))
	f.Fuzz(func(t *testing.T, list, data []byte) {
		if strings.Contains(string(list), "file") {
			return // reads no files of this machine
		}
		named, err := filters.Parse(list)
		b, parseErr := batch.Parse(data)
		if err != nil || parseErr != nil {
			return
		}
		for _, n := range named {
			if err := filters.Check(n.Filter); err != nil {
				t.Fatal("a mistake that Parse did not report:", err)
			}
			fuzzFilter(t, n.Filter, b)
		}
	})
}

// The documents show lists that work.
func TestParse_documents(t *testing.T) {
	dir := t.TempDir()
	plan, key := filepath.Join(dir, "plan.json"), filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(plan, planOf(point("planned")), 0o600))
	require.NoError(t, os.WriteFile(key, []byte(secretOne+"\n"), 0o600))
	for file, fence := range map[string][2]string{
		"../../settings/README.md": {"```json\n", "```"},
		"parse.go":                 {"//\t[\n", "//\n"},
	} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		_, rest, ok := strings.Cut(string(data), fence[0])
		require.True(t, ok, file)
		text, _, ok := strings.Cut(rest, fence[1])
		require.True(t, ok, file)
		if file == "parse.go" {
			text = "[\n" + strings.ReplaceAll(text, "//", "")
			text = strings.ReplaceAll(text, "/run/secrets/pseudonyms", key)
		}
		text = strings.NewReplacer(`"plan.json"`, jsonText(plan), `"pseudonyms.key"`, jsonText(key)).Replace(text)
		list, err := filters.Parse([]byte(text))
		require.NoError(t, err, "%s: %s", file, text)
		assert.Len(t, list, 9, file)
	}
}
