package settings_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestToggle_forms(t *testing.T) {
	for _, tc := range []struct {
		toggle             settings.Toggle
		word, text, inJSON string
	}{
		{settings.Default, "default", "", "null"},
		{settings.On, "on", "true", "true"},
		{settings.Off, "off", "false", "false"},
	} {
		t.Run(tc.word, func(t *testing.T) {
			assert.Equal(t, tc.word, tc.toggle.String())

			text, err := tc.toggle.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, tc.text, string(text))

			data, err := json.Marshal(tc.toggle)
			require.NoError(t, err)
			assert.Equal(t, tc.inJSON, string(data))

			got := settings.Toggle(9)
			require.NoError(t, got.UnmarshalText(text))
			assert.Equal(t, tc.toggle, got)

			got = settings.Toggle(9)
			require.NoError(t, got.UnmarshalJSON(data))
			assert.Equal(t, tc.toggle, got)
		})
	}
}

func TestToggle_textInAnyCase(t *testing.T) {
	for text, want := range map[string]settings.Toggle{"True": settings.On, "TRUE": settings.On, "fAlse": settings.Off} {
		var got settings.Toggle
		require.NoError(t, got.UnmarshalText([]byte(text)))
		assert.Equal(t, want, got, text)
	}
}

func TestToggle_refuses(t *testing.T) {
	for _, text := range []string{"yes", "1", "on", " true", "null"} {
		got := settings.On
		assert.Error(t, got.UnmarshalText([]byte(text)), text)
		assert.Equal(t, settings.On, got, text)
	}
	for _, data := range []string{`"true"`, `1`, `TRUE`, `{}`} {
		got := settings.On
		assert.Error(t, got.UnmarshalJSON([]byte(data)), data)
		assert.Equal(t, settings.On, got, data)
	}
	_, err := settings.Toggle(9).MarshalText()
	assert.Error(t, err)
	_, err = settings.Toggle(9).MarshalJSON()
	assert.Error(t, err)
	assert.Equal(t, "invalid", settings.Toggle(9).String())
}
