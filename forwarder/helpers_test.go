package forwarder

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/settings"
)

// An outcome is what the pipeline made of one batch.
type outcome struct {
	messages []message
	dropped  []Dropped
	err      error
}

// through sends a batch through the pipeline that s and the caller's filters
// make, and checks that the batch itself stays as it was.
func through(t testing.TB, s settings.Settings, data string, callers ...namedFilter) outcome {
	t.Helper()
	b, err := batch.Parse([]byte(data))
	require.NoError(t, err)
	p := newPipeline(s.WithDefaults(), callers)

	outlined, dropped, err := p.outlineOf(t.Context(), b)
	require.Equal(t, data, string(b.AppendJSON(nil)), "the caller's batch")
	o := outcome{dropped: dropped, err: err}
	if outlined.batch != nil {
		o.messages = encodeAll(&outlined)
	}
	return o
}

// encodeAll makes the messages of o in memory of their own.
func encodeAll(o *outline) []message { return o.encode(make([]byte, 0, o.valueBytes()), nil) }

// value is that of the only message.
func (o outcome) value(t testing.TB) string {
	t.Helper()
	require.NoError(t, o.err)
	require.Len(t, o.messages, 1)
	return string(o.messages[0].value)
}

func (o outcome) values() []string {
	var list []string
	for _, m := range o.messages {
		list = append(list, string(m.value))
	}
	return list
}

// filter is a filter as the caller gives it.
func filter(name string, f func(context.Context, *batch.Batch) error) namedFilter {
	return namedFilter{name: name, filter: batch.FilterFunc(f), caller: true}
}

// keepAll switches off nothing and removes nothing.
func keepAll() settings.Settings {
	return settings.Settings{
		IncludeUserAttributeChangeEvents: settings.On,
		IncludeUserIdentityChangeEvents:  settings.On,
		IncludeMPDeviceID:                settings.On,
		IncludeEventBatchLocation:        settings.On,
	}
}

// switches turns each setting that touches content away from what keepAll has,
// by its key.
var switches = map[string]func(*settings.Settings){
	"send_network_performance_events":      func(s *settings.Settings) { s.SendNetworkPerformanceEvents = settings.Off },
	"send_as_batch":                        func(s *settings.Settings) { s.SendAsBatch = settings.Off },
	"include_location_information":         func(s *settings.Settings) { s.IncludeLocationInformation = settings.Off },
	"include_metadata":                     func(s *settings.Settings) { s.IncludeMetadata = settings.Off },
	"include_user_attribute_change_events": func(s *settings.Settings) { s.IncludeUserAttributeChangeEvents = settings.Off },
	"include_user_identity_change_events":  func(s *settings.Settings) { s.IncludeUserIdentityChangeEvents = settings.Off },
	"send_batches_without_events":          func(s *settings.Settings) { s.SendBatchesWithoutEvents = settings.Off },
	"include_mp_device_id":                 func(s *settings.Settings) { s.IncludeMPDeviceID = settings.Off },
	"include_event_batch_location":         func(s *settings.Settings) { s.IncludeEventBatchLocation = settings.Off },
	"device_name": func(s *settings.Settings) {
		s.MetadataFieldExclusion = append(s.MetadataFieldExclusion, settings.DeviceName)
	},
	"ip_address": func(s *settings.Settings) {
		s.MetadataFieldExclusion = append(s.MetadataFieldExclusion, settings.IPAddress)
	},
	"unique_id": func(s *settings.Settings) { s.UniqueID = "shop <42> \"Zürich\"" },
}

// with is keepAll with these switches turned.
func with(keys ...string) settings.Settings {
	s := keepAll()
	for _, key := range keys {
		switches[key](&s)
	}
	return s
}

// sharedBatches reads the public sample batches, by file name. Single events
// become batches of one event.
func sharedBatches(t *testing.T) map[string]string {
	t.Helper()
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skip("EVENTFERRY_TESTDATA is unset: skipping 1 test over the sample batches")
	}
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "batches"), func(path string, _ os.DirEntry, err error) error {
		name := filepath.Base(path)
		if err != nil || !slices.Contains([]string{".json", ".ndjson"}, filepath.Ext(path)) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := strings.TrimSpace(string(data))
		switch {
		case filepath.Ext(path) == ".ndjson":
			for i, line := range strings.Split(text, "\n") {
				all[name+" line "+string(rune('1'+i))] = line
			}
		case strings.HasSuffix(filepath.Dir(path), "fragments") && strings.Contains(name, "-event-"):
			all[name] = `{"mpid":"-12","events":[` + text + `],"ip":"203.0.113.9"}`
		case strings.Contains(name, "-node-"):
			all[name] = strings.TrimSuffix(text, "}") + `,"events":[]}`
		default:
			all[name] = text
		}
		return nil
	}))
	require.Greater(t, len(all), 30)
	return all
}

func (o outcome) compact() []string {
	var list []string
	for _, m := range o.messages {
		list = append(list, compact(m.value))
	}
	return list
}

// size is what the message counts for against limits.
func size(m message) int {
	return m.record().Size()
}

// outlineOf is prepare for tests: they copy outlines as they like.
func (p *pipeline) outlineOf(ctx context.Context, b *batch.Batch) (o outline, dropped []Dropped, err error) {
	dropped, err = p.prepare(ctx, b, &o)
	return o, dropped, err
}

// measured is measure for tests.
func (p *pipeline) measured(b *batch.Batch, headers []producer.Header) (o outline, err error) {
	err = p.measure(b, headers, &o)
	return o, err
}
