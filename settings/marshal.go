package settings

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// MarshalJSON writes the fields that are not zero, in the form that [Parse]
// reads. A password comes out as [redacted], which Parse refuses.
func (s Settings) MarshalJSON() ([]byte, error) {
	top := make(map[string]any)
	for _, f := range fields(&s) {
		if f.value.IsZero() {
			continue
		}
		in, key := top, f.key
		if group, name, ok := strings.Cut(f.key, "."); ok {
			in, _ = top[group].(map[string]any)
			if in == nil {
				in = make(map[string]any)
				top[group] = in
			}
			key = name
		}
		in[key] = f.value.Interface()
		if d, ok := reflect.TypeAssert[time.Duration](f.value); ok {
			in[key] = d.String()
		}
	}
	return json.Marshal(top)
}
