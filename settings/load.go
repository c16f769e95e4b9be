package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Parse reads settings from a JSON object whose keys are those of [Settings];
// those of TLS and Delivery stand in the objects tls and delivery.
//
// It is strict: an unknown key, a key that is there twice, a value of another
// type and anything after the object are mistakes. null is the default, as if
// the key were not there. Durations are strings with a unit, as "5ms".
//
// All mistakes in keys and values are joined, each a [*FieldError]. No error
// holds anything of a password, nor of the value of an unknown key. Parse does
// not check what [Settings.Validate] does, so that settings may be completed
// from elsewhere.
func Parse(data []byte) (Settings, error) {
	var s Settings
	err := s.load(data)
	return s, err
}

// UnmarshalJSON does what [Parse] does, for settings inside another struct.
// Keys that are not there, or null, leave what s has; an error leaves all of
// it. It is not called for text that is not JSON: the error of encoding/json
// then quotes a byte of it.
func (s *Settings) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // as encoding/json has it
	}
	return s.load(data)
}

// load sets what data has; an error leaves s as it was.
func (s *Settings) load(data []byte) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	if kind := kindOf(data); kind != object {
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

// checkSyntax refuses what is not JSON. The errors of encoding/json quote a
// byte of the data, which may be one of the password.
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

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
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
