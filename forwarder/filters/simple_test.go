package filters_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/partition"
)

func TestEnvironment(t *testing.T) {
	for _, tc := range []struct {
		data string
		pass bool
	}{
		{`{"environment":"production"}`, true},
		{`{"environment":"PRODUCTION"}`, true},
		{`{"environment":"pr\u006fduction"}`, true},
		{`{"environment":"staging"}`, true},
		{`{"environment":"development"}`, false},
		{`{"environment":"unknown"}`, false}, // js-models has it
		{`{"environment":""}`, false},
		{`{"environment":null}`, false},
		{`{"environment":1}`, false},
		{`{"environment":["production"]}`, false},
		{`{}`, false},
		{`{"environment":"production","environment":"production"}`, false},
		{`{"environment":"development","environment":"production"}`, false},
	} {
		got := filtered(t, filters.Environment("production", "staging"), parse(t, tc.data))
		assert.Equal(t, tc.pass, got.dropped == "", tc.data)
		if !tc.pass {
			assert.Equal(t, filters.ReasonEnvironment, got.dropped)
		}
	}
	assert.EqualError(t, filters.Check(filters.Environment()), "filters: environment: needs at least one name, such as production")
	assert.EqualError(t, filters.Check(filters.Environment("")), "filters: environment: has an empty name")
}

// Source: Connections, Forwarding Rules: "A logged in user is one with at least
// one Login ID".
func TestLoggedIn(t *testing.T) {
	for _, tc := range []struct {
		identities string
		pass       bool
	}{
		{`[{"identity_type":"customer_id","identity":"1"}]`, true},
		{`[{"identity_type":"facebook","identity":"f"},{"identity_type":"email","identity":"a@example.com"}]`, true},
		{`[{"identity_type":"EMAIL","identity":"a@example.com"}]`, true},
		{`{"customer_id":"1"}`, true},
		{`{"customer_id":17}`, true},
		{`{"facebook":"f","email":"a@example.com"}`, true},
		{`{"facebook":"f"}`, false},
		{`[{"identity_type":"facebook","identity":"f"}]`, false},
		{`[{"identity_type":"email","identity":""}]`, false},
		{`[{"identity_type":"email","identity":null}]`, false},
		{`[{"identity_type":"email"}]`, false},
		{`[{"identity":"a@example.com"}]`, false},
		{`[{"identity_type":"email","identity_type":"facebook","identity":"f"}]`, false},
		{`[{"identity_type":"email","identity":"","identity":"x"}]`, false},
		{`["email"]`, false},
		{`{"email":""}`, false},
		{`{"email":null}`, false},
		{`{"email":true}`, false},
		{`{"email":{}}`, false},
		{`{"email":"","email":"a"}`, false},
		{`"email"`, false},
		{`null`, false},
		{`[]`, false},
	} {
		data := `{"user_identities":` + tc.identities + `}`
		got := filtered(t, filters.LoggedIn("customer_id", "email"), parse(t, data))
		assert.Equal(t, tc.pass, got.dropped == "", data)
		assert.Equal(t, data, got.text)
	}
	assert.Equal(t, filters.ReasonNotLoggedIn, filtered(t, filters.LoggedIn("email"), parse(t, `{}`)).dropped)
	assert.Equal(t, filters.ReasonNotLoggedIn, filtered(t, filters.LoggedIn("email"),
		parse(t, `{"user_identities":{"email":"a"},"user_identities":{"email":"a"}}`)).dropped)
	assert.EqualError(t, filters.Check(filters.LoggedIn()), "filters: logged_in: needs at least one identity type")
	assert.EqualError(t, filters.Check(filters.LoggedIn("")), "filters: logged_in: has an empty identity type")
}

// Source: Connections, Forwarding Rules, Attribute: "You can choose to either not
// forward events that match the rule, or to only forward events that match the
// rule, excluding all others. Greater than / less than comparisons are not
// possible. Matching is case sensitive and exact."
func TestAttribute(t *testing.T) {
	const (
		matches   = iota // OnlyForward keeps it, DoNotForward drops it
		differs          // the other way round
		unclear          // dropped by both
		different = differs
	)
	for _, tc := range []struct {
		why        string
		attributes string
		want       int
	}{
		{"exact", `{"level":"5"}`, matches},
		{"exact", `{"level":"50"}`, different},
		{"exact", `{"level":" 5"}`, different},
		{"exact", `{"level":"05"}`, different},
		{"case sensitive", `{"Level":"5"}`, different},
		{"among others", `{"a":"5","level":"5","b":"6"}`, matches},
		{"excluding all others: missing", `{"a":"5"}`, different},
		{"excluding all others: missing", `{}`, different},
		{"excluding all others: missing", `null`, different},
		{"excluding all others: missing", ``, different},
		{"null is missing", `{"level":null}`, different},
		{"numbers by their text", `{"level":5}`, matches},
		{"numbers by their text", `{"level":5.0}`, different},
		{"booleans by their text", `{"level":true}`, different},
		{"escapes", `{"le\u0076el":"\u0035"}`, matches},
		{"silent: a list matches by an element", `{"level":["4","5"]}`, matches},
		{"silent: a list matches by an element", `{"level":["4",null]}`, different},
		{"silent: a list", `{"level":[]}`, different},
		{"cannot be read", `{"level":[["5"]]}`, unclear},
		{"cannot be read", `{"level":{"v":"5"}}`, unclear},
		{"cannot be read", `{"level":"5","level":"6"}`, unclear},
		{"cannot be read", `{"level":"5","level":"5"}`, unclear},
		{"cannot be read", `["level"]`, unclear},
		{"cannot be read", `"level"`, unclear},
	} {
		member := ""
		if tc.attributes != "" {
			member = `"custom_attributes":` + tc.attributes
		}
		event := parse(t, `{"events":[{"event_type":"custom_event","data":{`+member+`}}]}`)
		if tc.attributes != "" {
			member = `"user_attributes":` + tc.attributes
		}
		user := parse(t, `{`+member+`}`)
		for rule, keeps := range map[filters.Rule]bool{filters.OnlyForward: tc.want == matches, filters.DoNotForward: tc.want == differs} {
			got := filtered(t, filters.Attribute("level", "5", rule), event)
			assert.Equal(t, keeps, len(got.events) == 0, "%s: %s, rule %d", tc.why, tc.attributes, rule)
			if !keeps {
				assert.Equal(t, []batch.DroppedEvents{{Reason: filters.ReasonAttribute, Events: 1}}, got.events)
			}
			got = filtered(t, filters.UserAttribute("level", "5", rule), user)
			assert.Equal(t, keeps, got.dropped == "", "%s: user %s, rule %d", tc.why, tc.attributes, rule)
		}
	}
	// It is about events of all types.
	b := parse(t, `{"events":[{"event_type":"session_start","data":{}},{"event_type":"screen_view","data":{"custom_attributes":{"level":"5"}}}]}`)
	assert.Equal(t, `{"events":[{"event_type":"screen_view","data":{"custom_attributes":{"level":"5"}}}]}`,
		filtered(t, filters.Attribute("level", "5", filters.OnlyForward), b).text)
	assert.Equal(t, `{"events":[{"event_type":"session_start","data":{}}]}`,
		filtered(t, filters.Attribute("level", "5", filters.DoNotForward), b).text)
	twice := parse(t, `{"events":[{"event_type":"screen_view","data":{"custom_attributes":{"level":"6"}},"data":{}}]}`)
	assert.Len(t, filtered(t, filters.Attribute("level", "5", filters.DoNotForward), twice).events, 1)
	unreadable := parse(t, `{"events":[{"event_type":"screen_view","data":[{"custom_attributes":{"level":"5"}}]},{"event_type":"opt_out","data":null},{"event_type":"opt_out"}]}`)
	assert.Equal(t, `{"events":[{"event_type":"opt_out","data":null},{"event_type":"opt_out"}]}`,
		filtered(t, filters.Attribute("level", "5", filters.DoNotForward), unreadable).text)

	assert.EqualError(t, filters.Check(filters.Attribute("", "5", 0)),
		"filters: attribute.name: must not be empty\nfilters: attribute.rule: must be OnlyForward or DoNotForward")
	assert.EqualError(t, filters.Check(filters.UserAttribute("a", "", 3)), "filters: user_attribute.rule: must be OnlyForward or DoNotForward")
}

// Source: Connections, User Sampling: "if you select a 50% sample, mParticle
// forwards all data received from half of your users, not half of each user's
// data".
func TestSample(t *testing.T) {
	const users = 20_000
	in := func(f batch.Filter, user int) bool {
		return filtered(t, f, parse(t, fmt.Sprintf(`{"mpid":%d}`, user*7919))).dropped == ""
	}
	quarter, half, other := filters.Sample(0.25, "salt"), filters.Sample(0.5, "salt"), filters.Sample(0.25, "pepper")
	count, overlap := 0, 0
	var perPartition [10]int
	for user := 1; user <= users; user++ {
		if !in(quarter, user) {
			continue
		}
		count++
		assert.True(t, in(filters.Sample(0.25, "salt"), user), "always in, in every process")
		assert.True(t, in(half, user), "who is in a sample is in a larger one")
		if in(other, user) {
			overlap++
		}
		perPartition[partition.Murmur2(fmt.Append(nil, user*7919), 10)]++
	}
	// Six standard deviations each way.
	assert.InDelta(t, users/4, count, 6*math.Sqrt(users*0.25*0.75))
	assert.InDelta(t, users/16, overlap, 6*math.Sqrt(users*0.0625*0.9375))
	for p, n := range perPartition {
		assert.InDelta(t, users/40, n, 6*math.Sqrt(users*0.025*0.975), "partition %d", p)
	}
	for user := 1; user <= 100; user++ {
		assert.True(t, in(filters.Sample(1, ""), user))
		assert.False(t, in(filters.Sample(0, ""), user))
	}
}

// What is in a sample must not change from one release to the next.
func TestSample_staysTheSame(t *testing.T) {
	var in []int64
	f := filters.Sample(0.2, "salt")
	for user := int64(-10); user <= 20; user++ {
		if user != 0 && filtered(t, f, parse(t, fmt.Sprintf(`{"mpid":"%d"}`, user))).dropped == "" {
			in = append(in, user)
		}
	}
	assert.Equal(t, []int64{7, 8, 9, 16, 17}, in)
}

func TestSample_withoutUser(t *testing.T) {
	const device = `{"mp_deviceid":"867a8ff1-2b51-4b1b-8a3e-0b0e3c8a6d10"}`
	all, byDevice := filters.Sample(1, "s"), filters.Sample(1, "s", filters.ByDevice())
	for _, data := range []string{`{}`, `{"mpid":0}`, `{"mpid":null}`, device} {
		assert.Equal(t, filters.ReasonNoUser, filtered(t, all, parse(t, data)).dropped, data)
	}
	for _, data := range []string{`{}`, `{"mp_deviceid":null}`, `{"mp_deviceid":""}`, `{"mp_deviceid":7}`, `{"mp_deviceid":"a","mp_deviceid":"a"}`} {
		assert.Equal(t, filters.ReasonNoUser, filtered(t, byDevice, parse(t, data)).dropped, data)
	}
	assert.Empty(t, filtered(t, byDevice, parse(t, device)).dropped)
	assert.Empty(t, filtered(t, byDevice, parse(t, `{"mp_deviceid":"x"}`)).dropped)
	none := filters.Sample(0, "s", filters.ByDevice())
	assert.Equal(t, filters.ReasonNotInSample, filtered(t, none, parse(t, device)).dropped)

	// A device is no user of the same text, and one that is known does not count.
	half, in := filters.Sample(0.5, "s", filters.ByDevice()), [2]int{}
	for i := 1; i <= 2000; i++ {
		user := filtered(t, half, parse(t, fmt.Sprintf(`{"mpid":%d}`, i))).dropped == ""
		withDevice := filtered(t, half, parse(t, fmt.Sprintf(`{"mpid":%d,"mp_deviceid":"x"}`, i))).dropped == ""
		device := filtered(t, half, parse(t, fmt.Sprintf(`{"mp_deviceid":"%d"}`, i))).dropped == ""
		assert.Equal(t, user, withDevice)
		if user {
			in[0]++
			if device {
				in[1]++
			}
		}
	}
	assert.InDelta(t, in[0]/2, in[1], 6*math.Sqrt(2000*0.25*0.75))
}

func TestSample_mistakes(t *testing.T) {
	for _, fraction := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		assert.ErrorContains(t, filters.Check(filters.Sample(fraction, "s")), "filters: sample.fraction: must be from 0 to 1, not ")
	}
}

// A filter built with a mistake that runs all the same forwards nothing.
func TestCheck_brokenFiltersFail(t *testing.T) {
	f := filters.Environment()
	err := f.Filter(context.Background(), parse(t, `{"environment":"production"}`))
	require.Error(t, err)
	assert.Equal(t, filters.Check(f), err)
	_, drop := batch.DropReason(err)
	assert.False(t, drop)
	assert.NoError(t, filters.Check(nil))
	assert.NoError(t, filters.Check(batch.FilterFunc(func(context.Context, *batch.Batch) error { return errors.New("x") })))
}

// Run with -race: all filters work on many batches at once.
func TestFilters_concurrently(t *testing.T) {
	for name, f := range costly(t) {
		b := typical(t)
		want := filtered(t, f, b)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					assert.Equal(t, want.text, filtered(t, f, b).text, name)
				}
			})
		}
		wg.Wait()
	}
}
