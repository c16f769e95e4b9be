package durable

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// BenchmarkWindow stores 1,000 batches of one device, each with one event, and waits
// until they are in Kafka: with a window and without, and with as many devices. CPU is
// the process's, of which the embedded Kafka takes a part.
func BenchmarkWindow(b *testing.B) {
	const batches = 1000
	for _, c := range []struct {
		name    string
		devices int
		opts    []forwarder.Option
	}{
		{"1 device, no window", 1, nil},
		{"1 device, window", 1, []forwarder.Option{forwarder.WithWindow(time.Hour)}},
		{"1000 devices, no window", batches, nil},
		{"1000 devices, window", batches, []forwarder.Option{forwarder.WithWindow(time.Hour)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var messages, bytes, sent, cpu float64
			for b.Loop() {
				b.StopTimer()
				k := forwardertest.NewKafka(b)
				var bs []*batch.Batch
				for i := range batches {
					bs = append(bs, webhookBatch(b, i%c.devices, i))
				}
				f := benchmarked(b, k, c.opts...)
				began := processTime(b)
				b.StartTimer()
				require.Nil(b, f.StoreAll(b.Context(), bs))
				require.NoError(b, f.Shutdown(within(b, patience)))
				b.StopTimer()
				cpu += float64((processTime(b) - began).Microseconds())
				for _, m := range k.Messages(b, "events") {
					messages++
					bytes += float64(len(m.Value))
				}
				for _, s := range f.Stats().Brokers {
					sent += float64(s.BytesSent)
				}
				b.StartTimer()
			}
			n := float64(b.N)
			b.ReportMetric(messages/n, "messages")
			b.ReportMetric(bytes/n, "value-bytes")
			b.ReportMetric(sent/n, "sent-bytes")
			b.ReportMetric(cpu/n/batches, "cpu-µs/batch")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func benchmarked(b *testing.B, k *forwardertest.Kafka, opts ...forwarder.Option) *forwarder.Forwarder {
	b.Helper()
	s := openSpool(b, b.TempDir(), large()) // with segments whose preparation takes no time
	f, err := forwarder.New(b.Context(), k.Settings(), append(opts, forwarder.WithSpool(s), forwarder.WithLogger(quiet))...)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.Close()) })
	return f
}

// webhookBatch is a batch of one event, as the webhook output sends them by default.
func webhookBatch(b *testing.B, device, n int) *batch.Batch {
	b.Helper()
	at := int64(1_790_000_000_000) + int64(n)
	parsed, err := batch.Parse(fmt.Appendf(nil, `{"mpid":%d,"mp_deviceid":"%08x-0000-4000-8000-000000000000","batch_id":"%d","message_id":"m%d",`+
		`"timestamp_unixtime_ms":%d,"environment":"production","schema_version":2,"source_request_id":"r%d","ip":"203.0.113.7",`+
		`"user_identities":[{"identity_type":"email","identity":"someone%d@example.com"},{"identity_type":"customer_id","identity":"%d"}],`+
		`"user_attributes":{"plan":"gold","country":"NO","$firstname":"Some","$lastname":"Body","favourites":["a","b","c"]},`+
		`"device_info":{"platform":"iOS","os_version":"19.1","device_model":"iPhone18,1","locale_country":"NO","locale_language":"nb","screen_width":1179,"screen_height":2556},`+
		`"application_info":{"application_name":"Shop","application_version":"4.2.0","package":"com.example.shop","os":"IOS"},`+
		`"events":[{"event_type":"custom_event","data":{"event_name":"View %d","event_num":%d,"custom_event_type":"navigation",`+
		`"timestamp_unixtime_ms":%d,"session_id":77,"custom_attributes":{"page":"p%d","from":"list"}}}]}`,
		1+device, device, n, n, at, n, device, device, n%10, n, at, n%30))
	require.NoError(b, err)
	return parsed
}
