package settings_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// A setting is one field that is found in the struct itself, so that no test
// over all settings can forget a new one.
type setting struct {
	key   string
	index []int // of the field, see reflect.Value.FieldByIndex
	typ   reflect.Type
}

func (s setting) in(all *settings.Settings) reflect.Value {
	return reflect.ValueOf(all).Elem().FieldByIndex(s.index)
}

func (s setting) variable() string {
	return "EVENTFERRY_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

func allSettings() []setting {
	var all []setting
	var walk func(t reflect.Type, prefix string, index []int)
	walk = func(t reflect.Type, prefix string, index []int) {
		for f := range t.Fields() {
			if !f.IsExported() {
				continue
			}
			at := append(index[:len(index):len(index)], f.Index...)
			key := prefix + f.Tag.Get("json")
			if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[settings.Secret]() {
				walk(f.Type, key+".", at)
				continue
			}
			all = append(all, setting{key, at, f.Type})
		}
	}
	walk(reflect.TypeFor[settings.Settings](), "", nil)
	return all
}

// sample is a value other than the default, in its three forms.
type sample struct {
	value any
	json  string
	env   string
}

func (s setting) sample(t *testing.T) sample {
	byKey := map[string]sample{
		"bootstrap_servers":     {"b1:9093,[::1]:9094", `"b1:9093,[::1]:9094"`, "b1:9093,[::1]:9094"},
		"authentication_method": {settings.SCRAMSHA512, `"SCRAM-SHA-512"`, "SCRAM-SHA-512"},
		"metadata_field_exclusion": {[]settings.MetadataField{settings.DeviceName, settings.IPAddress},
			`["device_name", "ip_address"]`, " device_name , ip_address"},
		"filters": {settings.FilterList(`[{"environment":["production"]}]`),
			`[ {"environment": ["production"]} ]`, ` [{"environment":["production"]}]`},
		"tls.min_version":      {settings.TLS13, `"1.3"`, "1.3"},
		"delivery.compression": {settings.LZ4, `"lz4"`, "lz4"},
		"delivery.partitioner": {settings.CRC32, `"crc32"`, "crc32"},
	}
	if v, ok := byKey[s.key]; ok {
		return v
	}
	byType := map[reflect.Type]sample{
		reflect.TypeFor[string]():          {"a-text", `"a\u002dtext"`, "a-text"},
		reflect.TypeFor[settings.Secret](): {settings.NewSecret(" s\ncret "), `" s\ncret "`, " s\ncret "},
		reflect.TypeFor[settings.Toggle](): {settings.Off, `false`, "False"},
		reflect.TypeFor[int]():             {12345, `12345`, "12345"},
		reflect.TypeFor[int64]():           {int64(98765432101), `98765432101`, "98765432101"},
		reflect.TypeFor[time.Duration]():   {1500 * time.Millisecond, `"1.5s"`, "1.5s"},
	}
	v, ok := byType[s.typ]
	require.True(t, ok, "%s: this test has no value of type %s", s.key, s.typ)
	return v
}

// document is the JSON object that sets one key.
func (s setting) document(value string) string {
	if group, name, ok := strings.Cut(s.key, "."); ok {
		return `{"` + group + `": {"` + name + `": ` + value + `}}`
	}
	return `{"` + s.key + `": ` + value + `}`
}

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

func TestSettings_keys(t *testing.T) {
	want := `bootstrap_servers topic_name authentication_method user_name password password_file unique_id
		metadata_field_exclusion send_network_performance_events send_as_batch include_location_information
		include_metadata include_user_attribute_change_events include_user_identity_change_events
		send_batches_without_events include_mp_device_id include_event_batch_location filters
		tls.ca_file tls.cert_file tls.key_file tls.server_name tls.min_version
		delivery.client_id delivery.compression delivery.compression_level delivery.linger
		delivery.max_message_bytes delivery.max_request_bytes delivery.max_buffered_bytes delivery.max_connection_age delivery.partitioner
		spool.dir spool.max_bytes spool.window`
	var keys []string
	for _, s := range allSettings() {
		keys = append(keys, s.key)
	}
	assert.Equal(t, strings.Fields(want), keys, "operators' files name these keys")
}

func TestSettings_sameByGoJSONAndEnvironment(t *testing.T) {
	for _, s := range allSettings() {
		t.Run(s.key, func(t *testing.T) {
			sample := s.sample(t)
			var inGo settings.Settings
			s.in(&inGo).Set(reflect.ValueOf(sample.value))

			parsed, err := settings.Parse([]byte(s.document(sample.json)))
			require.NoError(t, err)
			assertSame(t, inGo, parsed)

			var fromEnv settings.Settings
			require.NoError(t, fromEnv.SetFromEnv(environment(map[string]string{s.variable(): sample.env})))
			assertSame(t, inGo, fromEnv)

			assert.False(t, inGo.Equal(settings.Settings{}), "%s makes a difference", s.key)
			null, err := settings.Parse([]byte(s.document("null")))
			require.NoError(t, err)
			assertSame(t, settings.Settings{}, null)
		})
	}
}

func TestSettings_sameAllAtOnce(t *testing.T) {
	var inGo, fromEnv settings.Settings
	vars, groups := map[string]string{}, map[string]map[string]json.RawMessage{"": {}, "tls": {}, "delivery": {}, "spool": {}}
	for _, s := range allSettings() {
		if s.key == "password_file" { // one of two ways
			continue
		}
		sample := s.sample(t)
		s.in(&inGo).Set(reflect.ValueOf(sample.value))
		vars[s.variable()] = sample.env
		group, name, grouped := strings.Cut(s.key, ".")
		if !grouped {
			group, name = "", s.key
		}
		groups[group][name] = json.RawMessage(sample.json)
	}
	document := map[string]any{"tls": groups["tls"], "delivery": groups["delivery"], "spool": groups["spool"]}
	for name, value := range groups[""] {
		document[name] = value
	}
	data, err := json.Marshal(document)
	require.NoError(t, err)
	parsed, err := settings.Parse(data)
	require.NoError(t, err)
	assertSame(t, inGo, parsed)

	require.NoError(t, fromEnv.SetFromEnv(environment(vars)))
	assertSame(t, inGo, fromEnv)

	// What is printed reads back, but for the password.
	inGo.Password = settings.Secret{}
	data, err = json.Marshal(inGo)
	require.NoError(t, err)
	printed, err := settings.Parse(data)
	require.NoError(t, err)
	assertSame(t, inGo, printed)
}

// assertSame compares what the settings say: the secret, which reflection cannot, and
// then the rest.
func assertSame(t *testing.T, want, got settings.Settings) {
	t.Helper()
	assert.True(t, want.Equal(got), "Equal")
	assert.Equal(t, want.Password.Reveal(), got.Password.Reveal())
	wantText, err := json.Marshal(want)
	require.NoError(t, err)
	gotText, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, string(wantText), string(gotText))
}

func TestSettings_equalSeesEveryField(t *testing.T) {
	for _, s := range allSettings() {
		var a, b settings.Settings
		s.in(&a).Set(reflect.ValueOf(s.sample(t).value))
		assert.True(t, a.Equal(a), s.key)
		assert.False(t, a.Equal(b), s.key)
		assert.False(t, b.Equal(a), s.key)
	}
	empty := settings.Settings{MetadataFieldExclusion: []settings.MetadataField{}}
	assert.True(t, empty.Equal(settings.Settings{}), "an empty list is none")
}

func TestSettings_withDefaultsLeavesNothingUnset(t *testing.T) {
	// Where the zero value is the default itself, or there is none.
	zero := strings.Fields(`bootstrap_servers topic_name user_name password password_file unique_id metadata_field_exclusion filters
		tls.ca_file tls.cert_file tls.key_file tls.server_name delivery.linger delivery.max_connection_age spool.dir spool.window`)
	d := settings.Settings{}.WithDefaults()
	for _, s := range allSettings() {
		if assert.Equal(t, slices.Contains(zero, s.key), s.in(&d).IsZero(), s.key) {
			var set settings.Settings
			s.in(&set).Set(reflect.ValueOf(s.sample(t).value))
			kept := set.WithDefaults()
			if s.typ == reflect.TypeFor[settings.Secret]() {
				assert.True(t, kept.Password.Equal(set.Password))
				continue
			}
			assert.Equal(t, s.in(&set).Interface(), s.in(&kept).Interface(), "%s is kept", s.key)
		}
	}
	assert.True(t, d.Equal(d.WithDefaults()), "a second time changes nothing")
}
