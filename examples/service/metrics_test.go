package main

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// An outage is seen to begin and to end.
func TestService_metrics(t *testing.T) {
	kafka := forwardertest.NewKafka(t)
	url, shutdown := serve(t, kafka)
	const oneBatch = `{"mpid":1,"events":[{"event_type":"session_start","data":{}}]}`
	code, text := request(t, "POST", url+"/batches", oneBatch)
	require.Equal(t, http.StatusNoContent, code, text)

	waiting := func() float64 { return metric(t, url, `eventferry_partitions_waiting(?:\{[^}]*\})?`) }
	assert.Zero(t, waiting())
	down := kafka.Silence()
	answered := make(chan int, 1)
	go func() {
		code, _ := request(t, "POST", url+"/batches", oneBatch)
		answered <- code
	}()
	require.Eventually(t, func() bool { return waiting() > 0 }, time.Minute, 50*time.Millisecond, "the wait begins")
	code, text = request(t, "GET", url+"/ready", "")
	assert.Equal(t, http.StatusOK, code, "Kafka being away is no reason to be taken out of service: %s", text)
	down.Stop()
	<-answered // or its deadline came first
	require.Eventually(t, func() bool {
		return waiting() == 0 && metric(t, url, `eventferry_partition_wait_duration_seconds_count\{[^}]*\}`) > 0
	}, time.Minute, 50*time.Millisecond, "the wait ends")
	require.NoError(t, shutdown())
}

// metric returns the sum of the values of a metric, as a scrape finds them.
func metric(t *testing.T, url, series string) (sum float64) {
	t.Helper()
	code, text := request(t, "GET", url+"/metrics", "")
	require.Equal(t, http.StatusOK, code)
	for _, line := range regexp.MustCompile(`(?m)^`+series+` (.+)$`).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(line[1], 64)
		require.NoError(t, err)
		sum += v
	}
	return sum
}
