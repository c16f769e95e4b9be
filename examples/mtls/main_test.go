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
	with, without, ok := strings.Cut(out.String(), "\n")
	require.True(t, ok, "%s", &out)
	assert.Regexp(t, `^acknowledged: batch\(1 event, \d+ bytes\)$`, with)
	assert.Regexp(t, `^without a certificate: forwarder: .*certificate`, without)
}
