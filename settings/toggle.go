package settings

import (
	"errors"
	"strings"
)

// A Toggle is a boolean setting that also records whether it was set, so that its
// zero value can mean the default even where the default is on.
type Toggle int8

// The states of a Toggle.
const (
	// Default leaves the setting at its documented default.
	Default Toggle = iota
	// On is true in JSON and in the environment.
	On
	// Off is false in JSON and in the environment.
	Off
)

var errNotBoolean = errors.New("must be true or false")

// String returns "default", "on" or "off".
func (t Toggle) String() string {
	switch t {
	case Default:
		return "default"
	case On:
		return "on"
	case Off:
		return "off"
	default:
		return "invalid"
	}
}

// MarshalText returns "true", "false" or, for Default, nothing.
func (t Toggle) MarshalText() ([]byte, error) {
	switch t {
	case Default:
		return nil, nil
	case On:
		return []byte("true"), nil
	case Off:
		return []byte("false"), nil
	default:
		return nil, errNotBoolean
	}
}

// UnmarshalText reads true or false in any case; no text means Default.
func (t *Toggle) UnmarshalText(text []byte) error {
	switch {
	case len(text) == 0:
		*t = Default
	case strings.EqualFold(string(text), "true"):
		*t = On
	case strings.EqualFold(string(text), "false"):
		*t = Off
	default:
		return errNotBoolean
	}
	return nil
}

// MarshalJSON returns true, false or, for Default, null.
func (t Toggle) MarshalJSON() ([]byte, error) {
	if t == Default {
		return []byte("null"), nil
	}
	return t.MarshalText()
}

// UnmarshalJSON reads true, false or null, which means Default.
func (t *Toggle) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "null":
		*t = Default
	case "true":
		*t = On
	case "false":
		*t = Off
	default:
		return errNotBoolean
	}
	return nil
}
