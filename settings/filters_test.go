package settings_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// The list is kept as it is: what the filters mean is for package filters to say.
func TestFilters_areKept(t *testing.T) {
	const text = `[{"consent":{"gdpr":["analytics"],"ccpa":true}},{"anything":{"at":"all"}}]`
	s, err := settings.Parse([]byte(`{"filters": ` + text + `}`))
	require.NoError(t, err)
	assert.Equal(t, text, s.Filters.String())
	assert.Equal(t, text, fmt.Sprint(s.Filters))
	assert.NotContains(t, s.Validate().Error(), "filters")

	// A variable wins over JSON, as a whole.
	require.NoError(t, s.SetFromEnv(environment(map[string]string{"EVENTFERRY_FILTERS": "[{\"environment\":\n[\"production\"]}]"})))
	assert.Equal(t, `[{"environment":["production"]}]`, s.Filters.String())
	require.NoError(t, s.SetFromEnv(environment(map[string]string{"EVENTFERRY_FILTERS": ""})))
	assert.Equal(t, `[{"environment":["production"]}]`, s.Filters.String(), "an empty variable is unset")
	require.NoError(t, s.SetFromEnv(environment(map[string]string{"EVENTFERRY_FILTERS": "[]"})))
	assert.Empty(t, s.Filters, "an empty list is none")

	var nested struct{ S settings.FilterList }
	require.NoError(t, json.Unmarshal([]byte(`{"S":null}`), &nested))
	assert.Nil(t, nested.S)
	data, err := json.Marshal(nested)
	require.NoError(t, err)
	assert.JSONEq(t, `{"S":null}`, string(data))
	assert.Error(t, json.Unmarshal([]byte(`{"S":[1]}`), &nested))
}

func TestFilters_mistakes(t *testing.T) {
	const must = "must be a JSON list of objects with one member each, the name of a filter"
	for _, text := range []string{`[1]`, `[{}]`, `[{"a":1,"b":2}]`, `[null]`, `[["a"]]`} {
		_, err := settings.Parse([]byte(`{"filters":` + text + `}`))
		assert.EqualError(t, err, "settings: filters: "+must, text)
	}
	_, err := settings.Parse([]byte(`{"filters":{"environment":["production"]}}`))
	assert.EqualError(t, err, "settings: filters: must be a list, not an object")
	for _, text := range []string{`environment`, `production,development`, `{"environment":[]}`, `[{"a":1}`, "[{\"a\":\"\xff\"}]", `null`} {
		var s settings.Settings
		err := s.SetFromEnv(environment(map[string]string{"EVENTFERRY_FILTERS": text}))
		assert.EqualError(t, err, "settings: filters (EVENTFERRY_FILTERS): "+must, text)
		s.Filters = settings.FilterList(text)
		assert.ErrorContains(t, s.Validate(), "settings: filters: "+must, text)
	}
}
