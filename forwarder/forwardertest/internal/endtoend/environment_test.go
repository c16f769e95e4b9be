package endtoend

import (
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// environment: every setting by its variable.
func (k target) environment(t *testing.T) {
	for _, password := range []string{"EVENTFERRY_PASSWORD", "EVENTFERRY_PASSWORD_FILE"} {
		t.Run(password, func(t *testing.T) {
			const partitions = 7
			given, mutual := k.settings(t, partitions), k.ways[mutualTLS]
			secret := given.Password.Reveal()
			if password == "EVENTFERRY_PASSWORD_FILE" {
				file := filepath.Join(t.TempDir(), "password")
				require.NoError(t, os.WriteFile(file, []byte(secret), 0o600))
				secret = file
			}
			for name, value := range map[string]string{
				"EVENTFERRY_BOOTSTRAP_SERVERS":                    given.BootstrapServers,
				"EVENTFERRY_TOPIC_NAME":                           given.TopicName,
				"EVENTFERRY_AUTHENTICATION_METHOD":                "SCRAM-SHA-512",
				"EVENTFERRY_USER_NAME":                            given.UserName,
				password:                                          secret,
				"EVENTFERRY_UNIQUE_ID":                            "ours",
				"EVENTFERRY_METADATA_FIELD_EXCLUSION":             "device_name, ip_address",
				"EVENTFERRY_SEND_NETWORK_PERFORMANCE_EVENTS":      "false",
				"EVENTFERRY_SEND_AS_BATCH":                        "True",
				"EVENTFERRY_INCLUDE_LOCATION_INFORMATION":         "FALSE",
				"EVENTFERRY_INCLUDE_METADATA":                     "true",
				"EVENTFERRY_INCLUDE_USER_ATTRIBUTE_CHANGE_EVENTS": "true",
				"EVENTFERRY_INCLUDE_USER_IDENTITY_CHANGE_EVENTS":  "true",
				"EVENTFERRY_SEND_BATCHES_WITHOUT_EVENTS":          "false",
				"EVENTFERRY_INCLUDE_MP_DEVICE_ID":                 "true",
				"EVENTFERRY_INCLUDE_EVENT_BATCH_LOCATION":         "true",
				"EVENTFERRY_TLS_CA_FILE":                          given.TLS.CAFile,
				"EVENTFERRY_TLS_CERT_FILE":                        mutual.TLS.CertFile,
				"EVENTFERRY_TLS_KEY_FILE":                         mutual.TLS.KeyFile,
				"EVENTFERRY_TLS_SERVER_NAME":                      "localhost",
				"EVENTFERRY_TLS_MIN_VERSION":                      "1.3",
				"EVENTFERRY_DELIVERY_CLIENT_ID":                   "mission",
				"EVENTFERRY_DELIVERY_COMPRESSION":                 "gzip",
				"EVENTFERRY_DELIVERY_COMPRESSION_LEVEL":           "9",
				"EVENTFERRY_DELIVERY_LINGER":                      "2ms",
				"EVENTFERRY_DELIVERY_MAX_MESSAGE_BYTES":           "10000",
				"EVENTFERRY_DELIVERY_MAX_REQUEST_BYTES":           "100000",
				"EVENTFERRY_DELIVERY_MAX_BUFFERED_BYTES":          "100000",
				"EVENTFERRY_DELIVERY_PARTITIONER":                 "crc32",
				"EVENTFERRY_DELIVERY_MAX_CONNECTION_AGE":          "1h",
				"EVENTFERRY_SPOOL_DIR":                            t.TempDir(),
				"EVENTFERRY_SPOOL_MAX_BYTES":                      "1000000000",
				"EVENTFERRY_SPOOL_WINDOW":                         "1s",
				"EVENTFERRY_FILTERS":                              `[{"remove":{"user_attributes":["mp_deviceid"]}}]`,
				"EVENTFERRY_SERVICE_PORT":                         "tcp://10.0.0.1:80", // a platform's, not ours
			} {
				t.Setenv(name, value)
			}
			var s settings.Settings
			require.NoError(t, s.SetFromEnv(os.LookupEnv))
			allSet(t, reflect.ValueOf(s))

			forward(t, start(t, s), full, `{"mpid":42,"events":[]}`)
			messages := read(t, s)
			require.Len(t, messages, 1)
			want := decode(t, full)
			for _, path := range [][]string{{"device_info", "device"}, {"ip"}, {"user_attributes", "mp_deviceid"}, {"events", "data", "location"}, {"events", "data", "breadcrumbs", "data", "location"}} {
				cut(want, path)
			}
			dropEvents(want, []string{batch.NetworkPerformance, "push_reaction"})
			want["unique_id"] = "ours"
			assert.Equal(t, want, decode(t, string(messages[0].Value)))
			assert.Equal(t, int32(crc32.ChecksumIEEE([]byte("42"))%partitions), messages[0].Partition)
		})
	}
}

// allSet finds a setting that this test forgets: one of the two for the
// password is unset, and no other.
func allSet(t *testing.T, v reflect.Value) {
	unset := 0
	for f, value := range v.Fields() {
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[settings.Secret]() {
			for member, value := range value.Fields() {
				assert.False(t, value.IsZero(), "%s.%s", f.Name, member.Name)
			}
			continue
		}
		if value.IsZero() {
			unset++
			assert.Contains(t, []string{"Password", "PasswordFile"}, f.Name)
		}
	}
	assert.Equal(t, 1, unset)
}
