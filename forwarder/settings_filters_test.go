package forwarder

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/settings"
)

// A filter that cannot be built is an error of New, never ignored: every mistake
// at once, next to those in other settings.
func TestNew_settingsFilters(t *testing.T) {
	s := somewhere
	s.Filters = settings.FilterList(`[{"environment":["production"]},{"consent":{}},{"consnet":{}},{"remove":{"members":[["mpid"]]}}]`)
	s.Delivery.Compression = "zip"
	_, err := New(t.Context(), s, WithoutProbe())
	const known = "attribute, consent, data_plan, environment, logged_in, pseudonymize, remove, sample and user_attribute"
	assert.EqualError(t, err, `settings: delivery.compression "zip": must be one of none, gzip, snappy, lz4, zstd
settings: filters[1].consent: needs a rule, GDPR or CCPA
settings: filters[2]: has an unknown filter "consnet": it must be one of `+known+`
settings: filters[3].remove.members: mpid is the key of the message and cannot be changed`)

	s = somewhere
	s.Filters = settings.FilterList(`{"environment":["production"]}`)
	_, err = New(t.Context(), s, WithoutProbe())
	assert.EqualError(t, err, "settings: filters: must be a JSON list of objects with one member each, the name of a filter", "once")

	s.Filters = nil
	_, err = New(t.Context(), s, WithoutProbe(), WithFilter("environment", filters.Environment()))
	assert.EqualError(t, err, `forwarder: filter "environment": filters: environment: needs at least one name, such as production`)
}

// The filters of settings come before those of the program, and what they drop
// is reported under their path.
func TestForward_settingsFilters(t *testing.T) {
	var got []ForwardInfo
	s, o := somewhere, newOptions([]Option{
		WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		WithFilterFunc("program", func(_ context.Context, b *batch.Batch) error {
			assert.False(t, b.At("ip").Exists(), "a filter of the settings has removed it")
			return nil
		}),
		WithObserver(Observer{Done: func(_ context.Context, info ForwardInfo) { got = append(got, info) }}),
	})
	s.Filters = settings.FilterList(`[{"remove":{"members":[["ip"]]}},{"attribute":{"name":"a","value":"b","rule":"do_not_forward"}},{"environment":["production"]}]`)
	s, err := o.validSettings(s)
	require.NoError(t, err)
	f := newForwarder(s, o, prompt{}, fakeProbe{})
	defer func() { require.NoError(t, f.Close()) }()
	for _, data := range []string{
		`{"ip":"1.2.3.4","environment":"production","events":[{"event_type":"opt_out","data":{"custom_attributes":{"a":"b"}}},{"event_type":"opt_out"}]}`,
		`{"ip":"1.2.3.4","environment":"development"}`,
	} {
		b, err := batch.Parse([]byte(data))
		require.NoError(t, err)
		require.NoError(t, f.Forward(t.Context(), b))
	}
	require.Len(t, got, 2)
	assert.Equal(t, []Dropped{{Filter: "filters[1].attribute", Reason: filters.ReasonAttribute, Events: 1}}, got[0].Dropped)
	require.Len(t, got[0].Messages, 1)
	assert.Equal(t, []Dropped{{Filter: "filters[2].environment", Reason: filters.ReasonEnvironment, Batch: true}}, got[1].Dropped)
	assert.Empty(t, got[1].Messages)
}
