package judge

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// The producer that was asked for is the one that runs: the engine has a
// producer id for each partition, Sarama's has one for all. New asks for one
// more, to find out whether brokers give any.
func TestOne_producer(t *testing.T) {
	machinelock.Lock(t)
	for producer, each := range map[Producer]bool{ProducerEngine: true, ProducerSarama: false} {
		t.Run(string(producer), func(t *testing.T) {
			g, k, err := embedded(ProducerSarama)
			require.NoError(t, err)
			defer g.close()
			g.script = func(ctx context.Context, r *run) error { return r.more(ctx) }
			var said strings.Builder
			o := Options{Producer: producer, Goals: Goals{Users: 50, Keyless: 2, Rate: 2000}}
			require.NoError(t, one(t.Context(), g, 3, o, &said), said.String())
			assert.Contains(t, said.String(), "embedded Kafka, "+string(producer)+", seed 3: PASSED")
			// The probe asks for one id, the engine for one of each partition, Sarama for one. On
			// a busy machine an attempt may be repeated.
			assert.Equal(t, each, k.Requests(forwardertest.InitProducerID) > partitions)
		})
	}
}

func TestRun_unknownProducer(t *testing.T) {
	o, err := Defaults(LevelEmbedded)
	require.NoError(t, err)
	o.Producer = "franz"
	require.ErrorContains(t, Run(t.Context(), o, &strings.Builder{}), `no producer "franz": there are engine and sarama`)
}

// What a broken client cannot hide behind: its own name stands in the verdict.
func TestCandidate(t *testing.T) {
	assert.Equal(t, "engine", load.Candidate{Producer: load.Engine}.String())
	assert.Equal(t, "a key dropped for one user in 1,000", load.Candidate{Defect: load.DropsKey}.String())
}
