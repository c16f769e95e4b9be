package spool

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A refused message that is printed shows nothing of the batch.
func TestRefusedMessage_printsNoData(t *testing.T) {
	m := RefusedMessage{Key: []byte("4711081500000"), Value: []byte(`{"email":"jo@example.com"}`), Code: 10, Reason: "too large"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("refused", "pointer", &m, "value", m)
	printed := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		printed += fmt.Sprintf(verb+" "+verb+" "+verb+"\n", m, &m, []any{m, &m})
	}
	assert.Contains(t, printed, "refused message (26 bytes, code 10: too large)")
	assert.NotContains(t, printed, "4711081500000")
	assert.NotContains(t, printed, "jo@example.com")
	assert.NotContains(t, printed, fmt.Sprint(m.Value)[1:20], "its bytes as numbers")
}
