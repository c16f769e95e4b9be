package replay

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
)

// The same with Apache Kafka's own brokers, of which one after the other is killed and
// started again meanwhile.
//
//	EVENTFERRY_REPLAY_KILLS=50 go test -v -timeout 30m -run TestApacheKafka_killed ./forwarder/replay
func TestApacheKafka_killed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	kills := 6
	if text := os.Getenv("EVENTFERRY_REPLAY_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		kills = n
	}
	k := apachekafka.New(t, apachekafka.WithBrokers(3))
	require.NoError(t, k.CreateTopic(t.Context(), "events", 12, nil))
	const longest = 1500 * time.Millisecond
	l := newLives(t, k.Settings("events"), writeArchive(t, 3+kills*replayRate/fileBatches))
	down, brokers := 0, 0
	for i := range kills {
		switch i % 4 {
		case 1:
			down = k.Brokers()[l.r.IntN(3)]
			k.Kill(down)
			brokers++
		case 3:
			require.NoError(t, k.Restart(t.Context(), down))
			down = 0
		}
		if !l.kill(t, longest) {
			break
		}
	}
	if down != 0 {
		require.NoError(t, k.Restart(t.Context(), down))
	}
	l.end(t)
	var c compared
	for range 20 { // a new leader learns a moment later what is committed, and shows no more
		if c = l.archive.compare(k.Messages(t, "events")); c.Lost == 0 {
			break
		}
		<-time.After(500 * time.Millisecond)
	}
	t.Logf("Apache Kafka %s: %v; %d kills of brokers: %+v", k.Version(), l, brokers, c)
	assert.Equal(t, compared{}, c)
	assert.Equal(t, l.archive.bad, l.archive.badThere(t))
	assert.Greater(t, l.killed, kills/2, "on a slow machine a process gets further before it is killed")
	assert.Positive(t, brokers)
	assert.Positive(t, l.waited, "no kill left anything to be sent")
}
