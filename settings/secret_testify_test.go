package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// failures collects what a failed assertion prints.
type failures struct{ strings.Builder }

func (f *failures) Errorf(format string, args ...any) { fmt.Fprintf(f, format, args...) }

// TestSecret_hidesInTestifyDiffs: testify prints by reflection and calls no
// method of what it prints.
func TestSecret_hidesInTestifyDiffs(t *testing.T) {
	a, b := settings.NewSecret(password), settings.NewSecret(password+"-other")
	left := settings.Settings{TopicName: "left", Password: a}
	right := settings.Settings{TopicName: "right", Password: b}
	for name, fail := range map[string]func(assert.TestingT) bool{
		"secrets":  func(t assert.TestingT) bool { return assert.Equal(t, a, b) },
		"pointers": func(t assert.TestingT) bool { return assert.Equal(t, &a, &b) },
		"settings": func(t assert.TestingT) bool { return assert.Equal(t, left, right) },
		"foreign":  func(t assert.TestingT) bool { return assert.Equal(t, newForeign(), foreign{}) },
		"values":   func(t assert.TestingT) bool { return assert.EqualValues(t, left, right) },
		"exported": func(t assert.TestingT) bool { return assert.EqualExportedValues(t, left, right) },
		"empty":    func(t assert.TestingT) bool { return assert.Empty(t, left) },
		"contains": func(t assert.TestingT) bool { return assert.Contains(t, []settings.Secret{a}, b) },
		"elements": func(t assert.TestingT) bool {
			return assert.ElementsMatch(t, []settings.Secret{a}, []settings.Secret{b})
		},
		"nil":       func(t assert.TestingT) bool { return assert.Nil(t, a) },
		"same text": func(t assert.TestingT) bool { return assert.Equal(t, a, settings.NewSecret(password)) },
	} {
		t.Run(name, func(t *testing.T) {
			var f failures
			assert.False(t, fail(&f), "the assertion should fail")
			assert.NotEmpty(t, f.String())
			assertHidden(t, f.String())
		})
	}
}

// TestSecret_inSettingsUnderTestify shows what the doc of Secret says: without
// a secret settings compare as any data; with one only Equal finds them equal.
func TestSecret_inSettingsUnderTestify(t *testing.T) {
	s := settings.Settings{TopicName: "events"}
	assert.Equal(t, s, s)

	s.Password = settings.NewSecret(password)
	assert.False(t, assert.ObjectsAreEqual(s, s))
	assert.True(t, s.Equal(s))
}
