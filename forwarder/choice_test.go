package forwarder

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/asyncproducer"
	"github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// The engine delivers, unless the stock producer is asked for.
func TestNew_producer(t *testing.T) {
	s := settings.Settings{BootstrapServers: "127.0.0.1:1", TopicName: "events"}
	for name, c := range map[string]struct {
		opts []Option
		want producer.Producer
	}{
		"default":            {nil, &engine.Engine{}},
		"WithSaramaProducer": {[]Option{WithSaramaProducer()}, &asyncproducer.Producer{}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := New(t.Context(), s, append(c.opts, WithoutProbe())...)
			require.NoError(t, err)
			assert.IsType(t, c.want, f.topics[0].producer())
			require.NoError(t, f.Close())
		})
	}
}

// WithPartitioner wins over the setting, whose default is Java's.
func TestHash(t *testing.T) {
	key := []byte("7346244611012968789")
	none := func([]byte, int32) int32 { return 0 }
	for name, c := range map[string]struct {
		setting settings.Partitioner
		option  partition.Func
		want    partition.Func
	}{
		"default": {"", nil, partition.Murmur2},
		"murmur2": {settings.Murmur2, nil, partition.Murmur2},
		"fnv1a":   {settings.FNV1a, nil, partition.FNV1a},
		"crc32":   {settings.CRC32, nil, partition.CRC32},
		"own":     {settings.CRC32, none, none},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Settings{Delivery: settings.Delivery{Partitioner: c.setting}}.WithDefaults()
			const partitions = 1 << 20 // so that no two agree by chance
			assert.Equal(t, c.want(key, partitions), hash(s, options{partitioner: c.option})(key, partitions))
		})
	}
}
