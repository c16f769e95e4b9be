package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	assert.Equal(t, `development, key 2: {"mpid":2,"environment":"development","events":[{"event_type":"commerce_event"}]}
commerce, key 1: {"mpid":1,"environment":"production","events":[{"event_type":"commerce_event"}]}
events, key 1: {"mpid":1,"environment":"production","events":[{"event_type":"screen_view"},{"event_type":"session_end"}]}
`, out.String())
}
