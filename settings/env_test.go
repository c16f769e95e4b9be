package settings_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestSetFromEnv_winsOverJSON(t *testing.T) {
	s, err := settings.Parse([]byte(`{"topic_name": "json", "unique_id": "json", "send_as_batch": true, "metadata_field_exclusion": ["device_name"],
		"tls": {"ca_file": "json", "server_name": "json"}, "delivery": {"compression": "lz4", "linger": "1s"}}`))
	require.NoError(t, err)
	require.NoError(t, s.SetFromEnv(environment(map[string]string{
		"EVENTFERRY_TOPIC_NAME":               "env",
		"EVENTFERRY_UNIQUE_ID":                "", // counts as unset
		"EVENTFERRY_SEND_AS_BATCH":            "FALSE",
		"EVENTFERRY_METADATA_FIELD_EXCLUSION": "ip_address",
		"EVENTFERRY_TLS_CA_FILE":              "env",
		"EVENTFERRY_DELIVERY_LINGER":          "0",
		"EVENTFERRY_PORT":                     "tcp://10.0.0.1:80", // Kubernetes, for a service named eventferry
		"EVENTFERRY_SERVICE_HOST":             "10.0.0.1",
		"TOPIC_NAME":                          "other",
	})))
	assertSame(t, settings.Settings{
		TopicName:              "env",
		UniqueID:               "json",
		SendAsBatch:            settings.Off,
		MetadataFieldExclusion: []settings.MetadataField{settings.IPAddress},
		TLS:                    settings.TLS{CAFile: "env", ServerName: "json"},
		Delivery:               settings.Delivery{Compression: settings.LZ4},
	}, s)
}

func TestSetFromEnv_looksAtEveryVariableOnce(t *testing.T) {
	asked := map[string]int{}
	var s settings.Settings
	require.NoError(t, s.SetFromEnv(func(name string) (string, bool) { asked[name]++; return "", false }))
	want := map[string]int{}
	for _, s := range allSettings() {
		want[s.variable()] = 1
	}
	assert.Equal(t, want, asked)
	assert.Contains(t, asked, "EVENTFERRY_TLS_CA_FILE")
}

func TestSetFromEnv_reportsAllMistakesAtOnce(t *testing.T) {
	before := settings.Settings{TopicName: "before", BootstrapServers: "not looked at"}
	s := before
	err := s.SetFromEnv(environment(map[string]string{
		"EVENTFERRY_TOPIC_NAME":                 "a topic",
		"EVENTFERRY_SEND_AS_BATCH":              "yes",
		"EVENTFERRY_METADATA_FIELD_EXCLUSION":   "ip_address,,device",
		"EVENTFERRY_AUTHENTICATION_METHOD":      "scram",
		"EVENTFERRY_DELIVERY_LINGER":            "5",
		"EVENTFERRY_DELIVERY_MAX_MESSAGE_BYTES": "1MB",
		"EVENTFERRY_UNIQUE_ID":                  "fine",
	}))
	assert.Equal(t, before, s, "an error changes nothing")
	want := map[string]string{
		"EVENTFERRY_TOPIC_NAME":                 "a topic",
		"EVENTFERRY_SEND_AS_BATCH":              "yes",
		"EVENTFERRY_AUTHENTICATION_METHOD":      "scram",
		"EVENTFERRY_DELIVERY_LINGER":            "5",
		"EVENTFERRY_DELIVERY_MAX_MESSAGE_BYTES": "1MB",
		"EVENTFERRY_METADATA_FIELD_EXCLUSION":   "device", // after the one for the empty element
	}
	got := map[string]string{}
	for _, m := range mistakesIn(err) {
		got[m.Variable] = m.Value
		assert.Contains(t, err.Error(), m.Field+" ("+m.Variable+")")
	}
	assert.Equal(t, want, got)
	assert.Len(t, mistakesIn(err), len(want)+1)
	assert.ErrorContains(t, err, `settings: send_as_batch (EVENTFERRY_SEND_AS_BATCH) "yes": must be true or false`)
}

// TestSetFromEnv_blamesNoVariableForAnEarlierValue: what cannot be read leaves
// the value from before, which is not the variable's.
func TestSetFromEnv_blamesNoVariableForAnEarlierValue(t *testing.T) {
	s := settings.Settings{Delivery: settings.Delivery{Linger: -1}}
	err := s.SetFromEnv(environment(map[string]string{"EVENTFERRY_DELIVERY_LINGER": "5"}))
	assert.Len(t, mistakesIn(err), 1)
}

func TestSetFromEnv_eitherPasswordTakesBackBoth(t *testing.T) {
	const variable, file = "EVENTFERRY_PASSWORD", "EVENTFERRY_PASSWORD_FILE"
	for name, tc := range map[string]struct {
		before settings.Settings
		vars   map[string]string
		want   settings.Settings
	}{
		"password over file": {settings.Settings{PasswordFile: "f"}, map[string]string{variable: "p"}, settings.Settings{Password: settings.NewSecret("p")}},
		"file over password": {settings.Settings{Password: settings.NewSecret("p")}, map[string]string{file: "f"}, settings.Settings{PasswordFile: "f"}},
		"both, a mistake": {settings.Settings{}, map[string]string{variable: "p", file: "f"},
			settings.Settings{Password: settings.NewSecret("p"), PasswordFile: "f"}},
		"neither": {settings.Settings{PasswordFile: "f"}, nil, settings.Settings{PasswordFile: "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tc.before
			require.NoError(t, s.SetFromEnv(environment(tc.vars)))
			assertSame(t, tc.want, s)
		})
	}
}

func TestSetFromEnv_errorsHideThePassword(t *testing.T) {
	vars := map[string]string{
		"EVENTFERRY_USER_NAME":     "u\x00",
		"EVENTFERRY_SEND_AS_BATCH": "maybe",
	}
	for _, bad := range []string{password + "\x00", password + "\xff", "[redacted]"} {
		all := maps.Clone(vars)
		all["EVENTFERRY_PASSWORD"] = bad
		var s settings.Settings
		err := s.SetFromEnv(environment(all))
		assertHidden(t, err.Error())
		assert.ErrorContains(t, err, "password (EVENTFERRY_PASSWORD): ")
		for _, m := range mistakesIn(err) {
			assert.True(t, m.Field != "password" || m.Value == "")
		}
	}
}

func TestSetFromEnv_takesThePasswordAsItIs(t *testing.T) {
	for _, text := range []string{" p ", "p\n", "a,b", `"p"`, "true"} {
		var s settings.Settings
		require.NoError(t, s.SetFromEnv(environment(map[string]string{"EVENTFERRY_PASSWORD": text})))
		assert.Equal(t, text, s.Password.Reveal())
	}
}
