package forwarder

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
	"github.com/eventferry/eventferry/settings"
)

// BenchmarkSmall prints what Forward costs for a batch of 1 KiB with every switch
// on, beside the producer:
//
//	go test -run '^$' -bench Small ./forwarder
//
// The floor is what every caller of the producer pays for a message: its bytes
// in memory that was used before, a record, and its settling. Like BenchmarkCost it
// asserts nothing, and has 16 MB of batches in memory.
func BenchmarkSmall(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	other := underWay(16 << 20)
	jobs, ratios := smallCosts(b)
	for b.Loop() {
		for range passes {
			for _, j := range jobs {
				j.measure()
			}
		}
	}
	runtime.KeepAlive(other)
	report("16 MB of batches under way", jobs, ratios)
	b.ReportMetric(0, "ns/op") // of no meaning here
}

func smallCosts(b *testing.B) ([]*job, []ratio) {
	s := settings.Settings{
		UniqueID: "eventferry", MetadataFieldExclusion: []settings.MetadataField{settings.DeviceName, settings.IPAddress},
		IncludeLocationInformation: settings.Off, SendNetworkPerformanceEvents: settings.Off,
	}
	f := withProducer(b, prompt{}, func(to *settings.Settings, _ *options) { *to = s })
	b.Cleanup(func() { _ = f.Close() })
	list := smallBatches(b, f.pipeline)
	batches, outputs := map[*byte]*batch.Batch{}, map[*byte][]byte{} // of each input
	for _, data := range list {
		parsed, err := batch.Parse(data)
		require.NoError(b, err)
		batches[&data[0]], outputs[&data[0]] = parsed, prepared(b, f.pipeline, data)[0].value
	}
	ctx := context.Background()
	forward := &job{name: "Forward, acknowledged at once", input: list, run: func(data []byte) {
		if err := f.Forward(ctx, batches[&data[0]]); err != nil {
			b.Fatal(err)
		}
	}}
	switches := &job{name: "of that: a clone, and the switches", input: list, run: func(data []byte) {
		filtered(b, f.pipeline, batches[&data[0]])
	}}
	floor := &job{name: "the floor: copy, record, settling", input: list, run: func(data []byte) {
		value := outputs[&data[0]]
		memory := f.pool.take(len(value))
		own := append(*memory, value...)
		done := &settledOnce{}
		prompt{}.Submit(&producer.Group{Messages: []producer.Message{{Key: value[:8], Value: own}}, Owner: done})
		if !done.over.wait(ctx) {
			b.Fatal("not settled")
		}
		f.pool.put(memory)
	}}
	parse := &job{name: "batch.Parse, which is before Forward", input: list, run: func(data []byte) {
		if _, err := batch.Parse(data); err != nil {
			b.Fatal(err)
		}
	}}
	return []*job{forward, switches, floor, parse}, []ratio{
		{text: "Forward / floor", job: forward, against: floor},
		{text: "a clone and the switches / Forward", job: switches, against: forward},
	}
}

// smallBatches makes batches of one event and about 1 KiB, of which p keeps it.
func smallBatches(tb testing.TB, p *pipeline) [][]byte {
	var list [][]byte
	for _, data := range testbatch.Batches(2000, 1, 3) {
		b, err := batch.Parse(data)
		require.NoError(tb, err)
		for _, name := range []string{
			"user_identities", "user_attributes", "device_info", "application_info", "integration_attributes",
			"partner_identities", "source_info", "context",
		} {
			require.NoError(tb, b.At(name).Remove())
		}
		for _, e := range b.Events() {
			require.NoError(tb, e.At("data", "device_current_state").Remove())
		}
		small := b.AppendJSON(nil)
		if messages := prepared(tb, p, small); messages[0].events == 1 && len(small) > 900 && len(small) < 1150 {
			list = append(list, small)
		}
	}
	require.NotEmpty(tb, list)
	return list
}

// A settledOnce is the owner of one message.
type settledOnce struct{ over endSignal }

func (s *settledOnce) Settle(int, producer.Result) { s.over.give() }
