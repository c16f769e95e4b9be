package contender

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// Every contender does every kind of load, and its acknowledged messages are
// there: for ours, that includes that the settings make of a batch what
// the others are given ready-made.
func TestRun(t *testing.T) {
	k := forwardertest.NewKafka(t)
	items, err := work.Make(t.Context(), work.KB9(), 32)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pool")
	require.NoError(t, work.Save(file, items))
	names := []string{peer.Forward, peer.Stock, peer.Engine, peer.Seam, peer.Sarama, peer.Franz, peer.FranzWait, peer.FranzLong, peer.Confluent, peer.FromBytes}
	names = slices.Concat(names, peer.ByHand(), []string{peer.Webhook}, peer.PostedByStructs())
	for _, name := range names {
		for _, shape := range []peer.Job{
			{Callers: 8, Group: 1, Codec: "zstd"}, {Callers: 4, Group: 4, Codec: "lz4"}, {Callers: 4, Group: 8, Pipe: true, Codec: "none"},
		} {
			t.Run(name+"/"+shape.Codec, func(t *testing.T) {
				topic := name + shape.Codec
				require.NoError(t, k.CreateTopic(topic, 3))
				s := k.Settings()
				j := shape
				j.Contender, j.Servers, j.Topic, j.Pool = name, s.BootstrapServers, topic, file
				j.User, j.Password, j.CAFile = s.UserName, s.Password.Reveal(), s.TLS.CAFile
				j.WarmMillis, j.MeasureMillis = 50, 150
				r, err := Run(t.Context(), j)
				require.NoError(t, err)
				assert.Positive(t, r.Messages)
				assert.GreaterOrEqual(t, r.Sent, r.Messages)
				assert.Positive(t, r.CPUMicros)
				assert.Positive(t, r.PeakKiB)
				assert.LessOrEqual(t, r.P50Micros, r.P99Micros)
				assert.LessOrEqual(t, r.P99Micros, r.P999Micros)

				s.TopicName = topic
				checker := work.NewChecker(items, 3)
				if peer.Reencodes(name) {
					checker.AllowOtherBytes()
				}
				read, err := forwardertest.Read(t.Context(), s)
				require.NoError(t, err)
				for _, m := range read {
					checker.Add(m.Partition, m.Key, m.Value)
				}
				require.NoError(t, checker.End(r.Sent))
			})
		}
	}
}

func TestRun_wrong(t *testing.T) {
	items, err := work.Make(t.Context(), work.KiB1(), 4)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pool")
	require.NoError(t, work.Save(file, items))
	for name, c := range map[string]struct {
		job  peer.Job
		text string
	}{
		"unknown":      {peer.Job{Contender: "unknown", Pool: file, Callers: 1, Group: 1}, `no contender is called "unknown"`},
		"few messages": {peer.Job{Contender: peer.Franz, Pool: file, Callers: 5, Group: 1}, "4 messages for 5 callers"},
		"no pool":      {peer.Job{Contender: peer.Franz, Pool: file + "2"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), c.job)
			require.ErrorContains(t, err, c.text)
		})
	}
}
