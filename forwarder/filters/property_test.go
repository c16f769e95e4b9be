package filters_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
)

// samples are batches of many shapes: generated ones, and mParticle's where
// EVENTFERRY_TESTDATA says where they are.
func samples(tb testing.TB) [][]byte {
	tb.Helper()
	list := slices.Concat(testbatch.Batches(10, 10, 3), testbatch.Batches(10, 1, 4), testbatch.Batches(2, 100, 5))
	if folder := os.Getenv("EVENTFERRY_TESTDATA"); folder != "" {
		files, err := filepath.Glob(filepath.Join(folder, "batches", "*.json"))
		require.NoError(tb, err)
		more, err := filepath.Glob(filepath.Join(folder, "batches", "*", "*.json"))
		require.NoError(tb, err)
		for _, file := range append(files, more...) {
			data, err := os.ReadFile(file)
			require.NoError(tb, err)
			if _, err := batch.Parse(data); err == nil {
				list = append(list, data)
			}
		}
	}
	return list
}

// randomTargets names values that samples have, and some that they do not.
func randomTargets(r *rand.Rand) []filters.Target {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var targets []filters.Target
	for range 1 + r.IntN(3) {
		switch r.IntN(5) {
		case 0:
			targets = append(targets, filters.Identities(pick("email", "customer_id", "other"), pick("facebook", "google")))
		case 1:
			targets = append(targets, filters.UserAttributesNamed(pick("$City", "plan", "interests", "visits"), pick("$age", "alpha", "harbor")))
		case 2:
			targets = append(targets, filters.EventAttributesNamed(pick("alpha_0", "harbor_1", "orbit_0"), pick("river_2", "pixel_1")))
		case 3:
			targets = append(targets, filters.Member(pick("ip", "mp_deviceid", "device_info", "batch_id", "context")))
		case 4:
			targets = append(targets, filters.EventMember("data", pick("session_uuid", "event_num", "location", "product_action", "custom_attributes")))
		}
	}
	return targets
}

// Filters that cut leave all other bytes as they are, and what they leave is what
// a copy of the batch without the same members would be.
func TestRemove_cutsAndNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cuts := 0
	for _, data := range samples(t) {
		for range 20 {
			f := filters.Remove(randomTargets(r)...)
			require.NoError(t, filters.Check(f))
			got := filtered(t, f, parse(t, string(data)))
			assert.True(t, isSubsequence(got.text, string(data)), "only cuts")
			assert.True(t, json.Valid([]byte(got.text)))
			assert.Equal(t, got.text, filtered(t, f, parse(t, got.text)).text, "once more")
			if len(got.text) < len(data) {
				cuts++
			}
		}
	}
	assert.Positive(t, cuts)
}

func isSubsequence(part, whole string) bool {
	for i := 0; i < len(whole) && len(part) > 0; i++ {
		if part[0] == whole[i] {
			part = part[1:]
		}
	}
	return part == ""
}

var madePseudonym = regexp.MustCompile(`"k1:[0-9a-f]{64}"`)

// Pseudonyms stand in the place of values: with the values back, all bytes are
// those of the batch, apart from objects, which are removed.
func TestPseudonymize_replacesAndNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	replaced := 0
	for _, data := range samples(t) {
		values := map[string][]string{} // the JSON texts behind each pseudonym
		eachScalar(data, func(raw string) {
			text := raw
			if raw[0] == '"' {
				require.NoError(t, json.Unmarshal([]byte(raw), &text))
			}
			p := `"` + one(text) + `"`
			if !slices.Contains(values[p], raw) {
				values[p] = append(values[p], raw)
			}
		})
		for range 10 {
			targets := slices.DeleteFunc(randomTargets(r), func(target filters.Target) bool {
				return fmt.Sprint(target) == fmt.Sprint(filters.EventMember("data", "custom_attributes")) ||
					strings.Contains(fmt.Sprint(target), "device_info") || strings.Contains(fmt.Sprint(target), "context") ||
					strings.Contains(fmt.Sprint(target), "location") || strings.Contains(fmt.Sprint(target), "product_action")
			})
			if len(targets) == 0 {
				continue
			}
			f := filters.Pseudonymize(keyOne(), targets...)
			got := filtered(t, f, parse(t, string(data)))
			assert.Equal(t, got.text, filtered(t, f, parse(t, got.text)).text, "once more")
			back := madePseudonym.ReplaceAllStringFunc(got.text, func(p string) string {
				replaced++
				if assert.NotEmpty(t, values[p], "a pseudonym of something else") {
					return values[p][0]
				}
				return p
			})
			if ambiguous := slices.ContainsFunc(slices.Collect(mapValues(values)), func(raws []string) bool { return len(raws) > 1 }); !ambiguous {
				assert.Equal(t, string(data), back)
			} else {
				assert.Equal(t, compact(t, string(data)), compact(t, back))
			}
		}
	}
	assert.Positive(t, replaced)
}

// eachScalar calls do with the JSON text of each string and number in data.
func eachScalar(data []byte, do func(raw string)) {
	for _, raw := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?\d[-+.eE\d]*|true|false`).FindAllString(string(data), -1) {
		do(raw)
	}
}

func mapValues(m map[string][]string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// compact makes different texts of the same values equal.
func compact(t *testing.T, data string) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(data), &v))
	text, err := json.Marshal(quoted(v))
	require.NoError(t, err)
	return string(text)
}

// quoted writes numbers and booleans as strings, as pseudonyms do not tell them
// apart.
func quoted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = quoted(member)
		}
	case []any:
		for i, element := range v {
			v[i] = quoted(element)
		}
	case float64, bool:
		return fmt.Sprint(v)
	}
	return v
}

// All filters but those that edit keep or drop and change nothing else, and say
// the same when they are asked again.
func TestFilters_onlyDrop(t *testing.T) {
	for name, f := range map[string]batch.Filter{
		"environment":    filters.Environment("production"),
		"consent":        filters.Consent(filters.GDPR("marketing"), filters.CCPA()),
		"sample":         filters.Sample(0.5, "s"),
		"attribute":      filters.Attribute("alpha_0", "harbor Berlin", filters.DoNotForward),
		"only attribute": filters.Attribute("alpha_0", "harbor Berlin", filters.OnlyForward),
		"user attribute": filters.UserAttribute("plan", "gold", filters.OnlyForward),
		"logged in":      filters.LoggedIn("email"),
	} {
		for _, data := range samples(t) {
			got := filtered(t, f, parse(t, string(data)))
			assert.True(t, isSubsequence(got.text, string(data)), name)
			again := filtered(t, f, parse(t, got.text))
			assert.Equal(t, got.text, again.text, name)
			assert.Equal(t, got.dropped, again.dropped, name)
			assert.Empty(t, again.events, name)
		}
	}
}
