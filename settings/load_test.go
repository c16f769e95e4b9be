package settings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestParse_refuses(t *testing.T) {
	for name, tc := range map[string]struct{ data, want string }{
		"nothing":           {"", "settings: not valid JSON at line 1, column 1"},
		"no end":            {`{"topic_name": "e"`, "settings: not valid JSON at line 1, column 18"},
		"a comma too many":  {"{\n  \"topic_name\": \"e\",\n}", "settings: not valid JSON at line 3, column 1"},
		"trailing data":     {`{} {}`, "settings: not valid JSON at line 1, column 4"},
		"byte order mark":   {"\ufeff{}", "settings: not valid JSON at line 1, column 1"},
		"not UTF-8":         {"{\"topic_name\":\n\"\xff\"}", "settings: not valid JSON at line 2, column 2"},
		"not an object":     {`["topic_name"]`, "settings: must be a JSON object, not a list"},
		"null":              {`null`, "settings: must be a JSON object, not null"},
		"unknown key":       {`{"colour": "red"}`, "settings: colour: is an unknown key"},
		"odd key":           {`{"a\nb": 1}`, `settings: "a\nb": is an unknown key`},
		"key in camel case": {`{"topicName": "e"}`, "settings: topicName: is an unknown key: is it topic_name?"},
		"key misplaced":     {`{"ca_file": "e"}`, "settings: ca_file: is an unknown key: is it ca_file inside tls?"},
		"key with a dot":    {`{"tls.ca_file": "e"}`, "settings: tls.ca_file: is an unknown key: is it ca_file inside tls?"},
		"key in a group":    {`{"tls": {"verify": false}}`, "settings: tls.verify: is an unknown key"},
		"duplicate":         {`{"topic_name": "a", "topic_name": "a"}`, "settings: topic_name: is there twice"},
		"duplicate, nested": {`{"tls": {"ca_file": "a", "ca_file": null}}`, "settings: tls.ca_file: is there twice"},
		"duplicate group":   {`{"tls": {}, "tls": {}}`, "settings: tls: is there twice"},
		"no string":         {`{"topic_name": 7}`, "settings: topic_name: must be a string, not a number"},
		"no password":       {`{"password": 7127}`, "settings: password: must be a string, not a number"},
		"no boolean":        {`{"send_as_batch": "true"}`, "settings: send_as_batch: must be true or false, not a string"},
		"no list":           {`{"metadata_field_exclusion": "ip_address"}`, "settings: metadata_field_exclusion: must be a list, not a string"},
		"list of others":    {`{"metadata_field_exclusion": ["ip_address", {}]}`, "settings: metadata_field_exclusion: must be a list of strings, element 1 is an object"},
		"servers":           {`{"bootstrap_servers": [9093]}`, "settings: bootstrap_servers: must be a list of strings, element 0 is a number"},
		"no list, a string": {`{"topic_name": ["e"]}`, "settings: topic_name: must be a string, not a list"},
		"no object":         {`{"tls": true}`, "settings: tls: must be an object, not true or false"},
		"no unit":           {`{"delivery": {"linger": "5"}}`, `settings: delivery.linger "5": must be a duration with its unit, such as "5ms"`},
		"no duration":       {`{"delivery": {"linger": 5}}`, "settings: delivery.linger: must be a string, not a number"},
		"no whole number":   {`{"delivery": {"max_message_bytes": 1e6}}`, `settings: delivery.max_message_bytes "1e6": must be a whole number`},
		"out of range":      {`{"delivery": {"max_buffered_bytes": 9223372036854775808}}`, `settings: delivery.max_buffered_bytes "9223372036854775808": is out of range`},
		"redacted":          {`{"password": "[redacted]"}`, "settings: password: is the text [redacted]: the secret was lost when these settings were printed"},
		"half a surrogate":  {`{"password": "a\ud800b"}`, `settings: password: must not hold "\ufffd", which stands for damaged text`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := settings.Parse([]byte(tc.data))
			require.EqualError(t, err, tc.want)
			assert.Equal(t, settings.Settings{}, s)
		})
	}
}

func TestParse_reportsAllMistakesAtOnce(t *testing.T) {
	_, err := settings.Parse([]byte(`{"colour": 1, "topic_name": 2, "delivery": {"linger": true}}`))
	assert.Equal(t, []string{"colour", "topic_name", "delivery.linger"}, fieldsOf(err))
}

func TestParse_emptyListIsUnset(t *testing.T) {
	s, err := settings.Parse([]byte(`{"metadata_field_exclusion": [], "bootstrap_servers": []}`))
	require.NoError(t, err)
	assert.Equal(t, settings.Settings{}, s)
}

func TestParse_serversAsList(t *testing.T) {
	s, err := settings.Parse([]byte(`{"bootstrap_servers": ["b1:9093", " b2:9093"]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"b1:9093", "b2:9093"}, s.Servers())
}

func TestParse_leavesToValidateWhatMayBeCompleted(t *testing.T) {
	s, err := settings.Parse([]byte(`{"user_name": "u", "delivery": null}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"bootstrap_servers", "topic_name", "password"}, fieldsOf(s.Validate()))
}

// TestParse_errorsHideThePassword: encoding/json quotes the byte it stumbles
// over, and values of the wrong type.
func TestParse_errorsHideThePassword(t *testing.T) {
	for _, data := range []string{
		`{"password": "` + password + ` }`,
		`{"password": ` + password + `}`,
		`{"password": '` + password + `'}`,
		`{"password": "` + password + "\x01\"}",
		`{"password": "\` + password + `"}`,
		`{"password": "` + password + "\xff\"}",
		`{"password": "` + password + `\ud800"}`,
		`{"password": "` + password + `", "password": "` + password + `"}`,
		`{"password": ["` + password + `"]}`,
		`{"password": {"` + password + `": 1}}`,
		`{"pasword": "` + password + `"}`,
		`{"tls": {"password": "` + password + `"}}`,
		`"` + password + `"`,
		`{"password": "` + password + `"}` + password,
	} {
		_, err := settings.Parse([]byte(data))
		require.Error(t, err, data)
		assertHidden(t, err.Error())
		assert.NotContains(t, err.Error(), "'h'", "nor a byte of it")

		var within struct{ Kafka settings.Settings }
		err = json.Unmarshal([]byte(`{"Kafka": `+data+`}`), &within)
		require.Error(t, err, data)
		assertHidden(t, err.Error())
	}
}

func TestSettings_withinAnotherStruct(t *testing.T) {
	config := struct {
		Kafka settings.Settings `json:"kafka"`
	}{settings.Settings{TopicName: "default", UniqueID: "x"}}
	require.NoError(t, json.Unmarshal([]byte(`{"kafka": {"topic_name": "events"}}`), &config))
	assert.Equal(t, settings.Settings{TopicName: "events", UniqueID: "x"}, config.Kafka)

	require.NoError(t, json.Unmarshal([]byte(`{"kafka": null}`), &config))
	assert.Equal(t, "events", config.Kafka.TopicName)

	require.Error(t, json.Unmarshal([]byte(`{"kafka": {"topic_name": "other", "colour": 1}}`), &config))
	assert.Equal(t, "events", config.Kafka.TopicName, "an error changes nothing")
}

func TestParse_quotesLongKeys(t *testing.T) {
	long := strings.Repeat("k", 100)
	_, err := settings.Parse([]byte(`{"` + long + `": 1}`))
	assert.Equal(t, []string{long}, fieldsOf(err))
	_, err = settings.Parse([]byte(`{"` + long + `k": 1}`))
	assert.Equal(t, []string{`"` + long + `"`}, fieldsOf(err))
}

// fieldsOf lists the Field of each mistake joined in err.
func fieldsOf(err error) []string {
	var names []string
	for _, m := range mistakesIn(err) {
		names = append(names, m.Field)
	}
	return names
}

func mistakesIn(err error) []*settings.FieldError {
	if err == nil {
		return nil
	}
	var list []*settings.FieldError
	joined, _ := err.(interface{ Unwrap() []error })
	for _, e := range joined.Unwrap() {
		var m *settings.FieldError
		if errors.As(e, &m) {
			list = append(list, m)
		}
	}
	return list
}

func TestFieldError_cutsLongValues(t *testing.T) {
	err := settings.Settings{BootstrapServers: "b:9093", TopicName: strings.Repeat("x y", 1000)}.Validate()
	assert.Less(t, len(err.Error()), 300)
}
