package settings_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// Names that people write, and what they mean.
func TestUnknown_meant(t *testing.T) {
	for name, meant := range map[string]string{
		"INCLUDE_LOCATION":          "INCLUDE_LOCATION_INFORMATION",
		"INCLUDE_LOCATION_INFO":     "INCLUDE_LOCATION_INFORMATION",
		"INCLUDE_BATCH_LOCATION":    "INCLUDE_EVENT_BATCH_LOCATION",
		"INCLUDE_MP_DEVICEID":       "INCLUDE_MP_DEVICE_ID",
		"INCLUDE_DEVICE_ID":         "INCLUDE_MP_DEVICE_ID",
		"SEND_BATCH":                "SEND_AS_BATCH",
		"TOPIC":                     "TOPIC_NAME",
		"TOPICNAME":                 "TOPIC_NAME",
		"BOOTSTRAP_SERVER":          "BOOTSTRAP_SERVERS",
		"SERVERS":                   "BOOTSTRAP_SERVERS",
		"USER":                      "USER_NAME",
		"USERNAME":                  "USER_NAME",
		"PASSWORDFILE":              "PASSWORD_FILE",
		"PASWORD":                   "PASSWORD",
		"CA_FILE":                   "TLS_CA_FILE",
		"TLS_CA":                    "TLS_CA_FILE",
		"TLS_CAFILE":                "TLS_CA_FILE",
		"COMPRESSION":               "DELIVERY_COMPRESSION",
		"LINGER":                    "DELIVERY_LINGER",
		"MAX_MESSAGE_BYTES":         "DELIVERY_MAX_MESSAGE_BYTES",
		"DELIVERY_MAX_MESSAGE_BYTE": "DELIVERY_MAX_MESSAGE_BYTES",
		"AUTHENTICATION_MECHANISM":  "",
		"SERVICE":                   "",
		"LOG_LEVEL":                 "",
	} {
		list := settings.Unknown([]string{"EVENTFERRY_" + name + "=x"})
		require.Len(t, list, 1, name)
		assert.Equal(t, "EVENTFERRY_"+name, list[0].Name)
		assert.Equal(t, meant, strings.TrimPrefix(list[0].Meant, "EVENTFERRY_"), name)
	}
}

func TestUnknown_text(t *testing.T) {
	list := settings.Unknown([]string{
		"PATH=/bin", "EVENTFERRY_INCLUDE_LOCATION=" + password, "no equals sign", "=C:=C:\\", "EVENTFERRY_LOG_LEVEL=" + password,
		"eventferry_topic_name=x", "EVENTFERY_TOPIC_NAME=x", "EVENTFERRY_INCLUDE_METADATA=false", "EVENTFUL_TOPIC_NAME=x", "EVENTFERRY=x",
	})
	var lines []string
	for _, v := range list {
		lines = append(lines, v.String())
	}
	assert.Equal(t, []string{
		"EVENTFERRY_INCLUDE_LOCATION: do you mean EVENTFERRY_INCLUDE_LOCATION_INFORMATION?",
		"EVENTFERRY_LOG_LEVEL: is no setting",
		"eventferry_topic_name: do you mean EVENTFERRY_TOPIC_NAME?",
		"EVENTFERY_TOPIC_NAME: do you mean EVENTFERRY_TOPIC_NAME?",
	}, lines)
}

// Every setting's own variable is known, and nothing that a container platform adds
// is taken for a mistake.
func TestUnknown_none(t *testing.T) {
	var environ []string
	for _, s := range allSettings() {
		environ = append(environ, s.variable()+"=x")
	}
	environ = append(environ, "EVENTFERRY_INCLUDE_LOCATION=",
		// Kubernetes, for services named eventferry and eventferry-gateway.
		"EVENTFERRY_SERVICE_HOST=10.0.0.1", "EVENTFERRY_SERVICE_PORT=80", "EVENTFERRY_SERVICE_PORT_HTTP=80", "EVENTFERRY_PORT=tcp://10.0.0.1:80",
		"EVENTFERRY_PORT_80_TCP=tcp://10.0.0.1:80", "EVENTFERRY_PORT_80_TCP_PROTO=tcp", "EVENTFERRY_PORT_80_TCP_PORT=80", "EVENTFERRY_PORT_80_TCP_ADDR=10.0.0.1",
		"EVENTFERRY_GATEWAY_SERVICE_HOST=10.0.0.1", "EVENTFERRY_GATEWAY_PORT_53_UDP_ADDR=10.0.0.1",
		// Docker, for a link to a container of that name.
		"EVENTFERRY_NAME=/app/eventferry", "EVENTFERRY_ENV_PATH=/bin")
	assert.Empty(t, settings.Unknown(environ))
}

// What is missing names its variable where others come from the environment.
func TestValidate_missingVariables(t *testing.T) {
	var s settings.Settings
	require.NoError(t, s.SetFromEnv(environment(map[string]string{
		"EVENTFERRY_AUTHENTICATION_METHOD": "SCRAM-SHA-512", "EVENTFERRY_TLS_CERT_FILE": "cert.pem",
	})))
	assert.EqualError(t, s.Validate(), strings.Join([]string{
		`settings: bootstrap_servers (EVENTFERRY_BOOTSTRAP_SERVERS): is required, such as b1.example.com:9093`,
		`settings: topic_name (EVENTFERRY_TOPIC_NAME): is required`,
		`settings: tls.key_file (EVENTFERRY_TLS_KEY_FILE): is required with tls.cert_file`,
		`settings: user_name (EVENTFERRY_USER_NAME): is required with authentication_method SCRAM-SHA-512`,
	}, "\n"))
	s.UserName = "ann"
	assert.ErrorContains(t, s.WithDefaults().Validate(), `settings: password (EVENTFERRY_PASSWORD): is required with user_name`)

	s = settings.Settings{BootstrapServers: "b1"} // from Go
	assert.EqualError(t, s.Validate(), "settings: topic_name: is required\nsettings: bootstrap_servers \"b1\": has no port: write host:port")
	require.NoError(t, s.SetFromEnv(environment(nil)))
	assert.EqualError(t, s.Validate(), "settings: topic_name (EVENTFERRY_TOPIC_NAME): is required\nsettings: bootstrap_servers \"b1\": has no port: write host:port",
		"only what is missing")
}
