package settings_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// password is looked for in everything that is printed.
const password = "hunter2-Zq8"

// assertHidden fails if s shows the password, as text, in hexadecimal, as the
// list of its bytes, or by its length.
func assertHidden(t *testing.T, s string) {
	t.Helper()
	if part := "hunter2"; strings.Contains(s, part) ||
		strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", part)) ||
		strings.Contains(s, strings.Trim(fmt.Sprint([]byte(part)), "[]")) ||
		strings.Contains(s, fmt.Sprintf("%#v", []byte(part))) {
		t.Errorf("the password shows in:\n%s", s)
	}
}

func TestSecret_holdsText(t *testing.T) {
	s := settings.NewSecret(password)
	assert.True(t, s.IsSet())
	assert.Equal(t, password, s.Reveal())

	for name, unset := range map[string]settings.Secret{"zero": {}, "no text": settings.NewSecret("")} {
		assert.False(t, unset.IsSet(), name)
		assert.Empty(t, unset.Reveal(), name)
	}
}

func TestSecret_equal(t *testing.T) {
	one := settings.NewSecret(password)
	assert.True(t, one.Equal(one))
	assert.True(t, one.Equal(settings.NewSecret(password)))
	assert.False(t, one.Equal(settings.NewSecret(password+"x")))
	assert.False(t, one.Equal(settings.Secret{}))
	assert.True(t, settings.Secret{}.Equal(settings.NewSecret("")))
}

func TestSecret_deepEqualFindsOnlyUnsetOnesEqual(t *testing.T) {
	one := settings.NewSecret(password)
	assert.False(t, reflect.DeepEqual(one, one))
	assert.True(t, reflect.DeepEqual(settings.Secret{}, settings.NewSecret("")))
}

func TestSecret_printsRedactedWithEveryVerb(t *testing.T) {
	s := settings.NewSecret(password)
	for _, verb := range strings.Split("v +v #v s q x X d b o O c U e f g t p T 10s -10.3s +q #x 08d", " ") {
		out := fmt.Sprintf("%"+verb, s)
		assertHidden(t, out)
		switch verb {
		case "T": // the type, without asking the value
			assert.Equal(t, "settings.Secret", out)
		case "p": // fmt asks nobody for an address
			assert.Contains(t, out, "%!p(")
		default:
			assert.Equal(t, "[redacted]", out, "%%%s", verb)
			assert.Equal(t, "[redacted]", fmt.Sprintf("%"+verb, &s), "%%%s of a pointer", verb)
		}
	}
	assert.Equal(t, "[redacted]", s.String())
}

func TestSecret_printsNothingWhenUnset(t *testing.T) {
	assert.Empty(t, fmt.Sprintf("%v%+v%#v%s%d", settings.Secret{}, settings.Secret{}, settings.Secret{}, settings.Secret{}, settings.Secret{}))
	data, err := json.Marshal(settings.Secret{})
	require.NoError(t, err)
	assert.Equal(t, `""`, string(data))
}

// foreign is somebody else's struct: fmt calls no method of what is in its
// unexported fields.
type foreign struct {
	secret   settings.Secret
	pointer  *settings.Secret
	list     []settings.Secret
	settings settings.Settings
	any      any
}

type exported struct{ Secret settings.Secret }

func newForeign() foreign {
	s := settings.NewSecret(password)
	return foreign{s, &s, []settings.Secret{s}, settings.Settings{Password: s}, s}
}

func TestSecret_hidesInUnexportedFields(t *testing.T) {
	f := newForeign()
	for _, verb := range strings.Split("v +v #v s q x X d b o O c U e t p", " ") {
		assertHidden(t, fmt.Sprintf("%"+verb, f))
		assertHidden(t, fmt.Sprintf("%"+verb, &f))
		assertHidden(t, fmt.Sprintf("%"+verb, []any{f}))
	}
}

func TestSecret_hidesInEncodings(t *testing.T) {
	s := settings.Settings{UserName: "u", Password: settings.NewSecret(password)}

	data, err := json.Marshal(map[string]any{"secret": s.Password, "pointer": &s.Password, "settings": s, "foreign": newForeign()})
	require.NoError(t, err)
	assertHidden(t, string(data))
	assert.Contains(t, string(data), `"secret":"[redacted]"`)
	assert.Contains(t, string(data), `"pointer":"[redacted]"`)
	assert.Contains(t, string(data), `"settings":{"password":"[redacted]","user_name":"u"}`)

	data, err = xml.Marshal(exported{s.Password})
	require.NoError(t, err)
	assertHidden(t, string(data))
	assert.Contains(t, string(data), "<Secret>[redacted]</Secret>")

	var out strings.Builder
	require.NoError(t, template.Must(template.New("").Parse("{{.}} {{.Password}}")).Execute(&out, s))
	assertHidden(t, out.String())
	assert.Contains(t, out.String(), "[redacted]")
}

func TestSecret_hidesInLogs(t *testing.T) {
	s := settings.Settings{Password: settings.NewSecret(password)}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("m", "secret", s.Password, "pointer", &s.Password, "settings", s, "foreign", newForeign(),
				slog.Group("g", "secret", s.Password))
			assertHidden(t, b.String())
			assert.GreaterOrEqual(t, strings.Count(b.String(), "[redacted]"), 4)
		})
	}
}

func TestSecret_hidesInErrors(t *testing.T) {
	s := settings.NewSecret(password)
	assert.Equal(t, "login with [redacted]", fmt.Errorf("login with %v", s).Error())
}

// Gob encodes exported fields only, and a Secret has none.
func TestSecret_gobRefuses(t *testing.T) {
	secret := settings.NewSecret(password)
	for name, value := range map[string]any{
		"secret":   secret,
		"pointer":  &secret,
		"field":    exported{secret},
		"settings": settings.Settings{TopicName: "events", Password: secret},
		"list":     []settings.Secret{secret},
	} {
		var b bytes.Buffer
		err := gob.NewEncoder(&b).Encode(value)
		require.ErrorContains(t, err, "settings.Secret has no exported fields", name)
		assertHidden(t, b.String()+err.Error())
	}
}

func TestSecret_unmarshals(t *testing.T) {
	var s settings.Secret
	require.NoError(t, json.Unmarshal([]byte(`"`+password+`"`), &s))
	assert.Equal(t, password, s.Reveal())

	for name, data := range map[string]string{
		"redacted":   `"[redacted]"`,
		"a number":   `7127`,
		"a list":     `["` + password + `"]`,
		"an object":  `{"x":"` + password + `"}`,
		"not closed": `"` + password,
	} {
		err := json.Unmarshal([]byte(data), &s)
		require.Error(t, err, name)
		assertHidden(t, err.Error())
		assert.NotContains(t, err.Error(), "7127")
		assert.Equal(t, password, s.Reveal(), "%s: an error changes nothing", name)
	}
	assert.ErrorContains(t, s.UnmarshalText([]byte("[redacted]")), "the secret was lost")
}
