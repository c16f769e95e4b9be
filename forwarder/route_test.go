package forwarder

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

func TestRouter_mistakes(t *testing.T) {
	for want, routes := range map[string][]Route{
		"forwarder: there is no route":               nil,
		"forwarder: route 1: topic \"\" is required": {{}},
		"forwarder: route 1: topic \"a/b\" must hold nothing but ASCII letters, digits, '.', '_' and '-'": {{Topic: "a/b"}},
		"forwarder: route 2: type \"Custom_Event\" is none of the constants of package batch, such as custom_event\n" +
			"forwarder: route 3: topic \"..\" must not be . or ..": {{Topic: "a", Types: []string{batch.OptOut}}, {Topic: "b", Types: []string{"Custom_Event"}}, {Topic: ".."}},
		"forwarder: route 1: type \"opt_out\" is there twice":                                                                                                                                  {{Topic: "a", Types: []string{batch.OptOut, batch.OptOut}}},
		"forwarder: route 2: gets nothing, as the routes before it take it all: put it before them":                                                                                            {{Topic: "a"}, {Topic: "b", Types: []string{batch.OptOut}}},
		"forwarder: route 3: gets nothing, as the routes before it take it all: put it before them":                                                                                            {{Topic: "a", Types: []string{batch.OptOut}}, {Topic: "c", Environment: "development"}, {Topic: "b", Types: []string{batch.OptOut}, Environment: "Development"}},
		"forwarder: route 4: gets nothing, as the routes before it take it all: put it before them":                                                                                            {{Topic: "a", Environment: "x"}, {Topic: "b", Environment: "y"}, {Topic: "c"}, {Topic: "d", Environment: "z"}},
		"forwarder: route 2: gets nothing, as the routes before it take it all: put it before them\nforwarder: route 3: gets nothing, as the routes before it take it all: put it before them": {{Topic: "a"}, {Topic: "b"}, {Topic: "c"}},
	} {
		_, err := newRouter(routes)
		assert.EqualError(t, err, want)
	}
}

// routed is what routes make of a batch: for each topic the values of its messages.
func routed(t *testing.T, s settings.Settings, routes []Route, data string) (map[string][]string, []Dropped, error) {
	t.Helper()
	r, err := newRouter(routes)
	require.NoError(t, err)
	p := newPipeline(s.WithDefaults(), nil)
	p.useRouter(r)
	b, err := batch.Parse([]byte(data))
	require.NoError(t, err)
	o, dropped, err := p.outlineOf(t.Context(), b)
	assert.Equal(t, data, string(b.AppendJSON(nil)), "the caller's batch")
	if err != nil || o.batch == nil {
		return nil, dropped, err
	}
	got := map[string][]string{}
	for _, part := range append([]outline{o}, o.others...) {
		for _, m := range encodeAll(&part) {
			got[r.topics[part.topic]] = append(got[r.topics[part.topic]], string(m.value))
		}
	}
	return got, dropped, nil
}

// batchOf is a batch with events of these types, numbered.
func batchOf(environment string, types ...string) string {
	var list []string
	for i, eventType := range types {
		list = append(list, fmt.Sprintf(`{"event_type":%q,"data":{"n":%d}}`, eventType, i))
	}
	return fmt.Sprintf(`{"mpid":7,%s "x":1, "events":[%s],"y":2}`, environment, strings.Join(list, ","))
}

func TestRoutes_rules(t *testing.T) {
	routes := []Route{
		{Topic: "dev-crash", Types: []string{batch.CrashReport}, Environment: "development"},
		{Topic: "dev", Environment: "Development"},
		{Topic: "commerce", Types: []string{batch.CommerceEvent, batch.OptOut}},
		{Topic: "commerce", Types: []string{batch.FirstRun}},
		{Topic: "rest"},
	}
	const dev, production = `"environment":"development",`, `"environment":"production",`
	one := func(environment, topic string, types ...string) map[string][]string {
		return map[string][]string{topic: {batchOf(environment, types...)}}
	}
	envelope := func(environment, events string) []string {
		return []string{`{"mpid":7,` + environment + ` "x":1, "events":[` + events + `],"y":2}`}
	}
	for name, tc := range map[string]struct {
		data string
		want map[string][]string
	}{
		"the first that takes it":        {batchOf(dev, batch.CommerceEvent, batch.OptOut), one(dev, "dev", batch.CommerceEvent, batch.OptOut)},
		"two routes to one topic":        {batchOf(production, batch.FirstRun, batch.OptOut), one(production, "commerce", batch.FirstRun, batch.OptOut)},
		"the rest":                       {batchOf(production, batch.SessionEnd), one(production, "rest", batch.SessionEnd)},
		"no environment":                 {batchOf("", batch.CrashReport), one("", "rest", batch.CrashReport)},
		"case of letters":                {batchOf(`"environment":"DEVELOPMENT",`, batch.SessionEnd), one(`"environment":"DEVELOPMENT",`, "dev", batch.SessionEnd)},
		"an environment that is none":    {batchOf(`"environment":["development"],`, batch.SessionEnd), one(`"environment":["development"],`, "rest", batch.SessionEnd)},
		"an environment that is twice":   {batchOf(dev+dev, batch.SessionEnd), one(dev+dev, "rest", batch.SessionEnd)},
		"types in upper case":            {batchOf(production, "COMMERCE_EVENT"), one(production, "commerce", "COMMERCE_EVENT")},
		"no events":                      {`{"mpid":7,"x":1}`, map[string][]string{"rest": {`{"mpid":7,"x":1}`}}},
		"no events, of an environment":   {batchOf(dev), one(dev, "dev")},
		"types that are never forwarded": {batchOf(production, "other"), one(production, "rest")},
		"a part to each, with the same envelope": {
			batchOf(production, batch.OptOut, batch.SessionEnd, batch.CommerceEvent, batch.ScreenView),
			map[string][]string{
				"commerce": envelope(production, `{"event_type":"opt_out","data":{"n":0}},{"event_type":"commerce_event","data":{"n":2}}`),
				"rest":     envelope(production, `{"event_type":"session_end","data":{"n":1}},{"event_type":"screen_view","data":{"n":3}}`),
			},
		},
		"by environment and type": {
			batchOf(dev, batch.CrashReport, batch.OptOut),
			map[string][]string{
				"dev-crash": envelope(dev, `{"event_type":"crash_report","data":{"n":0}}`),
				"dev":       envelope(dev, `{"event_type":"opt_out","data":{"n":1}}`),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := routed(t, keepAll(), routes, tc.data)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

// Without a route for the rest, what no route takes is dropped.
func TestRoutes_dropped(t *testing.T) {
	routes := []Route{{Topic: "commerce", Types: []string{batch.CommerceEvent}}, {Topic: "dev", Environment: "development"}}
	for name, tc := range map[string]struct {
		data string
		want map[string][]string
		lost []Dropped
	}{
		"some": {
			batchOf("", batch.OptOut, batch.CommerceEvent, batch.OptOut),
			map[string][]string{"commerce": {`{"mpid":7, "x":1, "events":[{"event_type":"commerce_event","data":{"n":1}}],"y":2}`}},
			[]Dropped{{Filter: "routes", Reason: "no route takes it", Events: 2}},
		},
		"all": {
			batchOf("", batch.OptOut, batch.FirstRun), nil,
			[]Dropped{{Filter: "routes", Reason: "no route takes it", Events: 2}, {Filter: "routes", Reason: "no route takes it", Batch: true}},
		},
		"no events":                    {batchOf(""), nil, []Dropped{{Filter: "routes", Reason: "no route takes it", Batch: true}}},
		"no events, of an environment": {batchOf(`"environment":"development",`), map[string][]string{"dev": {batchOf(`"environment":"development",`)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, dropped, err := routed(t, keepAll(), routes, tc.data)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.lost, dropped)
		})
	}
}

// The switches work on the whole, before the routes choose.
func TestRoutes_settings(t *testing.T) {
	routes := []Route{{Topic: "commerce", Types: []string{batch.CommerceEvent}}, {Topic: "rest"}}
	s := with("send_as_batch", "send_batches_without_events", "ip_address")
	got, dropped, err := routed(t, s, routes,
		`{"ip":"1.2.3.4","events":[{"event_type":"opt_out"},{"event_type":"commerce_event"},{"event_type":"first_run"},{"event_type":"other"}]}`)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{
		"commerce": {`{"events":[{"event_type":"commerce_event"}]}`},
		"rest":     {`{"events":[{"event_type":"opt_out"}]}`, `{"events":[{"event_type":"first_run"}]}`},
	}, got)
	assert.Equal(t, []Dropped{{Filter: "event_type", Reason: reasonNotForwarded, Events: 1}}, dropped)
	got, dropped, err = routed(t, s, routes, `{"events":[]}`)
	require.NoError(t, err)
	assert.Nil(t, got)
	assert.Equal(t, []Dropped{{Filter: "send_batches_without_events", Reason: reasonNoEvents, Batch: true}}, dropped)
}

// A batch of which one part does not fit is not sent at all, nor one of which all
// parts together do not.
func TestRoutes_tooLarge(t *testing.T) {
	routes := []Route{{Topic: "commerce", Types: []string{batch.CommerceEvent}}, {Topic: "rest"}}
	s := keepAll()
	s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 1000, 4000
	large := strings.Repeat("x", 1000)
	_, _, err := routed(t, s, routes, `{"events":[{"event_type":"opt_out"},{"event_type":"commerce_event","data":"`+large+`"}]}`)
	tooLarge, ok := err.(*TooLargeError) //nolint:errorlint // it comes as it is
	require.True(t, ok, "%v", err)
	assert.Equal(t, 1, tooLarge.Event)

	var types []string
	for i := range 60 {
		types = append(types, []string{batch.CommerceEvent, batch.OptOut}[i%2])
	}
	s.Delivery.MaxMessageBytes = 300
	s.Delivery.MaxBufferedBytes = 6000
	_, _, err = routed(t, s, routes, batchOf("", types...))
	tooLarge, ok = err.(*TooLargeError) //nolint:errorlint // it comes as it is
	require.True(t, ok, "%v", err)
	assert.Equal(t, -1, tooLarge.Event)
	assert.Equal(t, int64(6000), tooLarge.Limit)
	s.Delivery.MaxBufferedBytes = 100_000
	got, _, err := routed(t, s, routes, batchOf("", types...))
	require.NoError(t, err)
	assert.Greater(t, len(got["rest"]), 1)
	assert.Len(t, got["commerce"], len(got["rest"]))
}

// Routes as they come choose what the first of them that takes an event says, by a
// look at one after the other.
func TestRoutes_likeOneAfterTheOther(t *testing.T) {
	types := []string{batch.CommerceEvent, batch.OptOut, batch.ScreenView, batch.CustomEvent}
	environments := []string{"", "development", "Production"}
	random := rand.New(rand.NewPCG(7, 7))
	several, dropped, accepted := 0, 0, 0
	for range 3000 {
		var routes []Route
		for range 1 + random.IntN(5) {
			r := Route{Topic: fmt.Sprintf("t%d", random.IntN(4)), Environment: environments[random.IntN(len(environments))]}
			for _, i := range random.Perm(len(types))[:random.IntN(3)] {
				r.Types = append(r.Types, types[i])
			}
			routes = append(routes, r)
		}
		if _, err := newRouter(routes); err != nil { // a route that gets nothing
			continue
		}
		accepted++
		environment := []string{"development", "production", "other"}[random.IntN(3)]
		var given []string
		for range random.IntN(6) {
			given = append(given, types[random.IntN(len(types))])
		}
		got, lost, err := routed(t, keepAll(), routes, batchOf(fmt.Sprintf(`"environment":%q,`, environment), given...))
		require.NoError(t, err)
		want, left := map[string][]int{}, 0
		for n, eventType := range given {
			if topic := oneAfterTheOther(routes, environment, eventType); topic != "" {
				want[topic] = append(want[topic], n)
			} else {
				left++
			}
		}
		if topic := oneAfterTheOther(routes, environment, ""); len(given) == 0 && topic != "" {
			want[topic] = nil
		}
		assert.Equal(t, want, numbersIn(t, got), "%+v", routes)
		drops := 0
		for _, d := range lost {
			drops += d.Events
		}
		assert.Equal(t, left, drops)
		if len(want) > 1 {
			several++
		}
		dropped += left
	}
	assert.Greater(t, accepted, 500)
	assert.Greater(t, several, 100)
	assert.Greater(t, dropped, 100)
}

// oneAfterTheOther returns the topic of the first route that takes an event, or
// with an empty type a batch without events.
func oneAfterTheOther(routes []Route, environment, eventType string) string {
	for _, r := range routes {
		if r.Environment != "" && !strings.EqualFold(r.Environment, environment) {
			continue
		}
		if len(r.Types) == 0 || slices.Contains(r.Types, eventType) {
			return r.Topic
		}
	}
	return ""
}

// numbersIn returns the numbers of the events in the only message of each topic.
func numbersIn(t *testing.T, values map[string][]string) map[string][]int {
	t.Helper()
	numbers := map[string][]int{}
	for topic, list := range values {
		require.Len(t, list, 1)
		b, err := batch.Parse([]byte(list[0]))
		require.NoError(t, err)
		numbers[topic] = nil
		for _, e := range b.Events() {
			n, _ := e.At("data", "n").Int64()
			numbers[topic] = append(numbers[topic], int(n))
		}
	}
	return numbers
}
