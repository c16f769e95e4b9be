package durable

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// The same with Apache Kafka's own brokers, of which one after the other is killed
// and started again meanwhile.
//
//	EVENTFERRY_DURABLE_KILLS=200 go test -v -timeout 1h -run TestApacheKafka_killed ./forwarder/forwardertest/internal/durable
//
// EVENTFERRY_DURABLE_KAFKA is the version, if it is not to be the usual one.
func TestApacheKafka_killed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	machinelock.Lock(t)
	options := []apachekafka.Option{apachekafka.WithBrokers(3)}
	if version := os.Getenv("EVENTFERRY_DURABLE_KAFKA"); version != "" {
		options = append(options, apachekafka.WithVersion(version))
	}
	k := apachekafka.New(t, options...)
	require.NoError(t, k.CreateTopic(t.Context(), "events", 12, nil))
	l := newLives(t, k.Settings("events"), seed(t))
	stop := killBrokers(t, k, l.r.Uint64())
	for range kills(t, 30) {
		l.kill(t, 100*time.Millisecond, 2*time.Second)
	}
	brokers := stop()
	l.drain(t)
	var c *topicCheck
	for range 20 { // a new leader learns a moment later what is committed, and shows no more
		if c = check(k.Messages(t, "events"), l.stored, l.refused, 0); c.Lost == 0 {
			break
		}
		<-time.After(500 * time.Millisecond)
	}
	t.Logf("Apache Kafka %s: %v, %d kills of brokers: %+v", k.Version(), l, brokers, c.findings)
	assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
	assert.Empty(t, l.refused)
	assert.Positive(t, c.Stored)
	assert.Positive(t, brokers)
	assert.Positive(t, l.Resumed, "no kill hit a request under way")
}

// killBrokers kills one broker after the other until stop is called, which
// returns how many it was. All run then.
func killBrokers(t *testing.T, k *apachekafka.Cluster, seed uint64) (stop func() int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // no secret
	quit, killed := make(chan struct{}), make(chan int, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-quit:
				killed <- n
				return
			case <-time.After(time.Duration(1+r.IntN(5)) * time.Second):
			}
			id := k.Brokers()[r.IntN(3)]
			k.Kill(id)
			<-time.After(time.Duration(r.IntN(4)) * time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			err := k.Restart(ctx, id)
			cancel()
			if !assert.NoError(t, err) {
				killed <- n
				return
			}
		}
	}()
	return func() int {
		close(quit)
		return <-killed
	}
}
