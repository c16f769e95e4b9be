package results_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func TestResults_CheckNoise(t *testing.T) {
	r := madeUp()
	r.Machine.Noise = results.MaxNoise
	require.NoError(t, r.CheckNoise())
	r.Machine.Noise = 0.104
	require.EqualError(t, r.CheckNoise(),
		"results: the machine's noise was 10.4 %, more than 10: not published; run it again while nothing else runs")
}
