package apachekafka

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// There CutOff would do nothing, or nothing for long.
func TestStart_oneController(t *testing.T) {
	for _, version := range []string{Version28, Version39, Version43} {
		_, err := Start(t.Context(), WithBrokers(3), WithVersion(version), WithOneController())
		assert.EqualError(t, err, "apachekafka: WithOneController needs a version from 3.0 to 3.8, not "+version)
	}
}

func TestCluster_CutOff_controller(t *testing.T) {
	c := &Cluster{brokers: []*broker{{id: 1}, {id: 2}}}
	assert.PanicsWithValue(t, "apachekafka: broker 2 cannot be cut off from the controller: it needs WithOneController, and is not 1",
		func() { c.CutOff(2) })
}
