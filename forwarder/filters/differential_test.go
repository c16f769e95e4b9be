package filters_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/filters"
)

// planningVariable names a folder with mParticle's data-planning package.
const planningVariable = "EVENTFERRY_DATA_PLANNING"

// TestDataPlan_likeMParticles compares DataPlan with the package that mParticle
// publishes for its data plans, on generated plans and batches: the same events
// and the same attributes must be unplanned. The package validates values too,
// which does not count here.
func TestDataPlan_likeMParticles(t *testing.T) {
	folder := os.Getenv(planningVariable)
	if folder == "" {
		t.Skipf("%s is not set: npm install --prefix FOLDER @mparticle/data-planning-node@1.0.3, and set it to FOLDER", planningVariable)
	}
	const cases = 2000
	r := rand.New(rand.NewPCG(7, cases))
	var input bytes.Buffer
	var plans, batches []string
	for range cases {
		g := planGenerator{r}
		plan, b := g.plan(), g.batch()
		plans, batches = append(plans, plan), append(batches, b)
		fmt.Fprintf(&input, `{"plan":%s,"batch":%s}`+"\n", plan, b)
	}
	script, err := filepath.Abs("testdata/data_planning.js")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Dir, cmd.Stdin = folder, &input
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)

	seen := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		var theirs answer
		require.NoError(t, json.Unmarshal([]byte(line), &theirs))
		assert.Equal(t, theirs.unplanned(t, batches[i]), oursOf(t, plans[i], batches[i], seen), "plan %s\nbatch %s", plans[i], batches[i])
	}
	// The generator makes some of everything.
	for _, what := range []string{"event", "attribute", "product", "user", "planned"} {
		assert.Greater(t, seen[what], cases/20, what)
	}
}

// answer is what the package says of one batch.
type answer struct {
	Events []validation `json:"events"`
	User   []validation `json:"user"`
}

type validation struct {
	Data struct {
		Errors []struct {
			Type    string `json:"validation_error_type"`
			Pointer string `json:"error_pointer"`
			Key     string `json:"key"`
			Keyword string `json:"schema_keyword"`
		} `json:"validation_errors"`
	} `json:"data"`
}

// unplanned lists the unplanned events and attributes of an answer, by path.
func (a answer) unplanned(t *testing.T, b string) []string {
	t.Helper()
	list := []string{}
	var whole struct {
		Events []map[string]any `json:"events"`
	}
	require.NoError(t, json.Unmarshal([]byte(b), &whole))
	for i, v := range a.Events {
		for _, e := range v.Data.Errors {
			switch path := strings.TrimPrefix(strings.TrimPrefix(e.Pointer, "#"), "/"); {
			case e.Keyword == "" && e.Pointer == "#":
				list = append(list, fmt.Sprintf("event %d", i))
			case e.Keyword == "additionalProperties":
				// What is unplanned may hold custom attributes: then each of them is.
				if path != "" {
					path += "/"
				}
				list = append(list, attributesAt(i, whole.Events[i], path+e.Key)...)
			}
		}
	}
	for _, v := range a.User {
		for _, e := range v.Data.Errors {
			if e.Keyword == "additionalProperties" && e.Pointer == "#" {
				list = append(list, "user "+e.Key)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// attributesAt lists the custom attributes of an event that are at the path or
// below it.
func attributesAt(i int, event map[string]any, unplanned string) (list []string) {
	for _, path := range attributePaths("", event) {
		if path == unplanned || strings.HasPrefix(path, unplanned+"/") {
			list = append(list, fmt.Sprintf("attribute %d ./%s", i, path))
		}
	}
	return list
}

// attributePaths lists the paths of all custom attributes that are not null.
func attributePaths(path string, v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				continue
			}
			if strings.HasSuffix(path, "custom_attributes/") {
				list = append(list, path+name)
			} else {
				list = append(list, attributePaths(path+name+"/", member)...)
			}
		}
	case []any:
		for i, element := range v {
			list = append(list, attributePaths(fmt.Sprintf("%s%d/", path, i), element)...)
		}
	}
	return list
}

// oursOf lists what DataPlan blocks, in the same form.
func oursOf(t *testing.T, plan, b string, seen map[string]int) []string {
	t.Helper()
	list := []string{}
	f := filters.DataPlan([]byte(plan), filters.EventsOfAnyType|filters.EventAttributes|filters.UserAttributes, filters.PlanID("p"),
		filters.Quarantine(func(_ context.Context, q filters.Blocked) error {
			for _, i := range q.Events {
				list, seen["event"] = append(list, fmt.Sprintf("event %d", i)), seen["event"]+1
			}
			for _, a := range q.EventAttributes {
				for _, path := range a.Paths {
					list = append(list, fmt.Sprintf("attribute %d %s", a.Event, path))
					if strings.Contains(path, "products") {
						seen["product"]++
					} else {
						seen["attribute"]++
					}
				}
			}
			for _, name := range q.UserAttributes {
				list, seen["user"] = append(list, "user "+name), seen["user"]+1
			}
			return nil
		}))
	require.NoError(t, filters.Check(f), plan)
	got := filtered(t, f, parse(t, b))
	if len(list) == 0 {
		seen["planned"]++
	}
	require.Empty(t, got.dropped)
	slices.Sort(list)
	return list
}

// A planGenerator makes plans and batches from few names, so that they meet.
type planGenerator struct{ *rand.Rand }

func (g planGenerator) pick(list ...string) string { return list[g.IntN(len(list))] }
func (g planGenerator) name() string               { return g.pick("a", "b", "C", "d e") }

func (g planGenerator) plan() string {
	points := map[string]string{}
	for range 1 + g.IntN(12) {
		m := g.match()
		points[m] = match(m, g.definition(m))
	}
	keys := make([]string, 0, len(points))
	for m := range points {
		keys = append(keys, m)
	}
	slices.Sort(keys)
	for i, m := range keys {
		keys[i] = points[m]
	}
	return `{"version_document":{"data_points":[` + strings.Join(keys, ",") + `]}}`
}

func (g planGenerator) match() string {
	switch g.IntN(8) {
	case 0, 1:
		return fmt.Sprintf(`{"type":"custom_event","criteria":{"event_name":%q,"custom_event_type":%q}}`, g.name(), g.pick("other", "search"))
	case 2:
		return fmt.Sprintf(`{"type":"screen_view","criteria":{"screen_name":%q}}`, g.name())
	case 3:
		return fmt.Sprintf(`{"type":"product_action","criteria":{"action":%q}}`, g.pick("purchase", "click"))
	case 4:
		return fmt.Sprintf(`{"type":"promotion_action","criteria":{"action":%q}}`, g.pick("view", "click"))
	case 5:
		return fmt.Sprintf(`{"type":"application_state_transition","criteria":{"application_transition_type":%q}}`, g.pick("application_exit", "application_background"))
	case 6:
		return `{"type":"user_attributes"}`
	}
	return fmt.Sprintf(`{"type":%q}`, g.pick("product_impression", "session_start", "session_end", "opt_out", "crash_report", "breadcrumb", "first_run", "network_performance", "uninstall", "user_identities"))
}

func (g planGenerator) definition(match string) string {
	if strings.Contains(match, "user_attributes") {
		return g.object(g.properties(g.name(), `{"type":"string"}`, g.name(), `{"enum":[1]}`))
	}
	return g.object(g.properties("data", g.object(g.properties(
		"custom_attributes", g.attributes(),
		"product_action", g.object(g.properties("action", `{"type":"string"}`, "products", g.products())),
		"product_impressions", `{"type":"array","items":`+g.object(g.properties("products", g.products()))+`}`,
	))))
}

func (g planGenerator) products() string {
	return `{"items":` + g.object(g.properties("custom_attributes", g.attributes())) + `}`
}

func (g planGenerator) attributes() string {
	return g.object(g.properties(g.name(), `{"type":"string"}`, g.name(), `{"minimum":3}`))
}

// properties lists some of the members, by name and schema.
func (g planGenerator) properties(members ...string) string {
	properties := map[string]json.RawMessage{}
	for i := 0; i < len(members); i += 2 {
		if g.IntN(4) > 0 {
			properties[members[i]] = json.RawMessage(members[i+1])
		}
	}
	text, _ := json.Marshal(properties)
	return string(text)
}

func (g planGenerator) object(properties string) string {
	return `{` + g.pick(``, `"additionalProperties":true,`, `"additionalProperties":false,`, `"additionalProperties":false,`) + `"type":"object","properties":` + properties + `}`
}

func (g planGenerator) batch() string {
	events := make([]string, g.IntN(6))
	for i := range events {
		events[i] = g.event()
	}
	return `{"context":{"data_plan":{"plan_id":"p"}},"user_attributes":` + g.values() + `,"events":[` + strings.Join(events, ",") + `]}`
}

func (g planGenerator) event() string {
	attributes := `"custom_attributes":` + g.values()
	switch g.IntN(4) { // the members of data come in any order
	case 0:
		attributes = `"location":{"latitude":1.5},` + attributes
	case 1:
		attributes += `,"custom_flags":{"event_name":"a","custom_event_type":"other"},"page_url":"\/x"`
	case 2:
		attributes += `,"product_action":{"action":"purchase","products":[` + g.product() + `]},"x":"\"custom_attributes\""`
	}
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf(`{"event_type":"custom_event","data":{"event_name":%q,"custom_event_type":%q,%s}}`, g.name(), g.pick("other", "search"), attributes)
	case 1:
		return fmt.Sprintf(`{"event_type":"screen_view","data":{"screen_name":%q,%s}}`, g.name(), attributes)
	case 2:
		return fmt.Sprintf(`{"event_type":"application_state_transition","data":{"application_transition_type":%q,%s}}`, g.pick("application_exit", "application_background", "x"), attributes)
	case 3, 4:
		var members []string
		if !strings.Contains(attributes, "product_action") && g.IntN(3) > 0 {
			members = append(members, fmt.Sprintf(`"product_action":{"action":%q,"products":[%s]}`, g.pick("purchase", "click", "x"), g.product()))
		}
		if g.IntN(3) == 0 {
			members = append(members, fmt.Sprintf(`"promotion_action":{"action":%q}`, g.pick("view", "click")))
		}
		if g.IntN(3) == 0 {
			members = append(members, fmt.Sprintf(`"product_impressions":[{"products":[%s]},{"products":[]}]`, g.product()))
		}
		return `{"event_type":"commerce_event","data":{` + strings.Join(append(members, attributes), ",") + `}}`
	}
	return fmt.Sprintf(`{"event_type":%q,"data":{%s}}`, g.pick("session_start", "session_end", "opt_out", "crash_report", "breadcrumb", "first_run", "network_performance", "uninstall", "profile", "push_message"), attributes)
}

func (g planGenerator) product() string {
	return `{"custom_attributes":` + g.values() + `},{"custom_attributes":` + g.values() + `}`
}

func (g planGenerator) values() string {
	values := map[string]any{}
	for range g.IntN(4) {
		values[g.name()] = g.pick("x", "y")
	}
	text, _ := json.Marshal(values)
	return string(text)
}
