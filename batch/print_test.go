package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nothing that is printed or logged has payload in it.
func TestPrint_noPayload(t *testing.T) {
	b := parsed(t, `{"secret":"secret","events":[{"event_type":"secret"}]}`)
	var event Event
	for _, event = range b.Events() {
	}
	value := b.At("secret")
	for _, x := range []any{b, event, value, struct{ X any }{b}, []any{value, event}, map[string]any{"x": b}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, x)
			assert.NotContains(t, text, "secret", verb)
			assert.NotContains(t, text, fmt.Sprintf("%x", "secret"), verb)
			assert.NotContains(t, text, fmt.Sprintf("%d", "secret"[0]), verb)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "x", x)
		if _, plain := x.(fmt.Stringer); plain {
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "x", x)
		}
		assert.NotContains(t, log.String(), "secret")
	}
	assert.Equal(t, "batch(1 event, 54 bytes)", fmt.Sprint(b))
	assert.Equal(t, "batch(nil)", (*Batch)(nil).String())
	assert.Equal(t, "batch(0 events, 0 bytes)", new(Batch).String())
	assert.Equal(t, "value(8 bytes)", fmt.Sprint(value))
	assert.Equal(t, "value(0 bytes)", Value{}.String())
	assert.Equal(t, "event(0)", fmt.Sprint(event))
}

func TestMarshalJSON(t *testing.T) {
	b := parsed(t, "{\"a\" : 1.0, \"b\":9007199254740993}")
	require.NoError(t, b.At("c").Set("<"))
	data, err := b.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"a" : 1.0, "b":9007199254740993,"c":"<"}`, string(data))
	data, err = json.Marshal(map[string]any{"batch": b})
	require.NoError(t, err)
	assert.Equal(t, `{"batch":{"a":1.0,"b":9007199254740993,"c":"\u003c"}}`, string(data), "json.Marshal compacts and escapes")
}
