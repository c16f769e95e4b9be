package settings_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestServers_accepted(t *testing.T) {
	for given, want := range map[string][]string{
		"b1:9093":                         {"b1:9093"},
		" b1:9093 ,\tb2.example.com:1 ":   {"b1:9093", "b2.example.com:1"},
		"[::1]:65535":                     {"[::1]:65535"},
		"[fe80::1%eth0]:9093,127.0.0.1:9": {"[fe80::1%eth0]:9093", "127.0.0.1:9"},
		"kafka_1:9093,B-2.:9093":          {"kafka_1:9093", "B-2.:9093"},
	} {
		s := settings.Settings{BootstrapServers: given, TopicName: "events"}
		require.NoError(t, s.Validate(), given)
		assert.Equal(t, want, s.Servers(), given)
	}
}

func TestServers_refused(t *testing.T) {
	const (
		noPort   = "has no port: write host:port"
		badPort  = "must have a port from 1 to 65535"
		noHost   = "must have a host name or an IP address before the port"
		brackets = "must be [address]:port for an IPv6 address"
		many     = "must be one host:port: separate servers with commas"
		user     = "must be host:port, without a user before an @: that is user_name and password"
	)
	scheme := func(s string) string {
		return `must be host:port, without "` + s + `": TLS is always on, and user_name turns SASL on`
	}
	for name, tc := range map[string]struct{ servers, value, reason string }{
		"unset":                {"", "", "is required, such as b1.example.com:9093"},
		"spaces":               {"  ", "", "is required, such as b1.example.com:9093"},
		"no port":              {"b1", "b1", noPort},
		"no port, v6":          {"[::1]", "[::1]", noPort},
		"no port, second":      {"b1:9093, b2", "b2", noPort},
		"empty port":           {"b1:", "b1:", badPort},
		"port 0":               {"b1:0", "b1:0", badPort},
		"port above":           {"b1:65536", "b1:65536", badPort},
		"port with a sign":     {"b1:+9093", "b1:+9093", badPort},
		"port by name":         {"b1:kafka", "b1:kafka", badPort},
		"a path":               {"b1:9093/", "b1:9093/", badPort},
		"no host":              {":9093", ":9093", noHost},
		"not a host":           {"b 1", "b 1", many},
		"not a host, umlaut":   {"bröker:9093", "bröker:9093", noHost},
		"v6 without brackets":  {"::1", "::1", brackets},
		"v6 with port":         {"fe80::1:9093", "fe80::1:9093", brackets},
		"too many colons":      {"b1:9093:9094", "b1:9093:9094", "must be host:port, or [address]:port for an IPv6 address"},
		"spaces for commas":    {"b1:9093 b2:9093", "b1:9093 b2:9093", many},
		"semicolons":           {"b1:9093;b2:9093", "b1:9093;b2:9093", many},
		"commas only":          {" , ,", "", "is required, such as b1.example.com:9093"},
		"scheme":               {"https://b1:9093", "https://b1:9093", scheme("https://")},
		"security protocol":    {"SASL_SSL://b1:9093", "SASL_SSL://b1:9093", scheme("SASL_SSL://")},
		"scheme, plaintext":    {"PLAINTEXT://b1", "PLAINTEXT://b1", scheme("PLAINTEXT://")},
		"user":                 {"me:" + password + "@b1:9093", "", user},
		"user in a URL":        {"kafka://me:" + password + "@b1:9093", "", user},
		"password with commas": {"b1:9093,me:" + password + ",x://y@b1:9093", "", user},
	} {
		t.Run(name, func(t *testing.T) {
			err := settings.Settings{BootstrapServers: tc.servers, TopicName: "events"}.Validate()
			require.Len(t, mistakesIn(err), 1)
			assert.Equal(t, &settings.FieldError{Field: "bootstrap_servers", Value: tc.value, Reason: tc.reason}, mistakesIn(err)[0])
			assertHidden(t, err.Error())
		})
	}
}

func TestServers_eachMistakeIsReported(t *testing.T) {
	err := settings.Settings{BootstrapServers: "b1,b2:9093,https://b3,,", TopicName: "events"}.Validate()
	assert.Len(t, mistakesIn(err), 2)
}

// A comma too many, as templates make it, is none of a server's.
func TestServers_commas(t *testing.T) {
	for _, servers := range []string{"b1:9093,", ",b1:9093", "b1:9093,,", " , b1:9093 ,, "} {
		s := settings.Settings{BootstrapServers: servers, TopicName: "events"}
		require.NoError(t, s.Validate(), servers)
		assert.Equal(t, []string{"b1:9093"}, s.Servers())
	}
	s, err := settings.Parse([]byte(`{"bootstrap_servers": ["b1:9093", "", "b2:9093"], "topic_name": "events"}`))
	require.NoError(t, err)
	require.NoError(t, s.Validate())
	assert.Equal(t, []string{"b1:9093", "b2:9093"}, s.Servers())
}
