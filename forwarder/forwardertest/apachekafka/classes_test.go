package apachekafka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// What javac refuses is told before any broker starts.
func TestApacheKafka_noClass(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles with javac, and -short is set")
	}
	k, err := apachekafka.Start(t.Context(), apachekafka.WithJavaClass("Broken", "public class Broken { int n = true; }"))
	if err == nil {
		k.Close()
	}
	require.Error(t, err)
	if !strings.Contains(err.Error(), "incompatible types: boolean cannot be converted to int") {
		apachekafka.SkipOrFail(t, err) // there may be no javac
	}
}
