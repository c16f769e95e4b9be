package settings_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/settings"
)

// TestFieldError_isOneLine: text of a file or of a variable must not forge a
// line of a log.
func TestFieldError_isOneLine(t *testing.T) {
	forged := "x\n2026/01/01 all is well"
	for want, err := range map[string]*settings.FieldError{
		`settings: topic_name "x\n2026/01/01 all is well": is bad`:             {Field: "topic_name", Value: forged, Reason: "is bad"},
		`settings: tls.ca_file: is bad: "x\n2026/01/01 all is well"`:           {Field: "tls.ca_file", Reason: "is bad", Err: errors.New(forged)},
		`settings: tls.ca_file (V): is bad: no such file: "x" has no line end`: {Field: "tls.ca_file", Variable: "V", Reason: "is bad", Err: errors.New(`no such file: "x" has no line end`)},
	} {
		assert.EqualError(t, err, want)
	}
}
