package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Parse reads settings from a JSON object whose keys are those of [Settings];
// those of TLS, Delivery and Spool stand in the objects tls, delivery and spool.
//
// It is strict: an unknown key, a repeated key, a value of another type and
// anything after the object are mistakes. null means the default, as if the key
// were absent. Durations are strings with a unit, as "5ms".
//
// All mistakes in keys and values are joined, each a [*FieldError]. No error
// holds anything of a password or of the value of an unknown key. Parse leaves
// the checks of [Settings.Validate] to the caller, so that settings may be
// completed from elsewhere.
func Parse(data []byte) (Settings, error) {
	var s Settings
	err := s.load(data)
	return s, err
}

// UnmarshalJSON is [Parse] for settings inside another struct. Absent keys and
// null leave the fields of s as they are; an error leaves all of s as it was.
// encoding/json does not call it for text that is not JSON, and quotes a byte
// of that text in its error.
func (s *Settings) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // as encoding/json has it
	}
	return s.load(data)
}

// load sets the fields that data has; an error leaves s as it was.
func (s *Settings) load(data []byte) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	if kind := jsonKindOf(data); kind != jsonObject {
		return fmt.Errorf("settings: must be a JSON object, not %s", kind)
	}
	next := *s
	d := decoder{fields: fields(&next)}
	d.object("", data)
	if len(d.mistakes) > 0 {
		return join(d.mistakes)
	}
	*s = next
	return nil
}

// checkSyntax returns an error if data is not JSON. It does not pass on the
// errors of encoding/json: they quote a byte of data, which may be one of the
// password.
func checkSyntax(data []byte) error {
	at := invalidUTF8(data)
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		at = len(data)
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = min(at, max(0, int(syntax.Offset)-1))
		}
	}
	if at < 0 {
		return nil
	}
	line, column := bytes.Count(data[:at], []byte("\n"))+1, at-bytes.LastIndexByte(data[:at], '\n')
	return fmt.Errorf("settings: not valid JSON at line %d, column %d", line, column)
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return -1
}
