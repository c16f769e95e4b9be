package delivery

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

// Users are where the setting says, or the caller's own function.
func TestPartitioner(t *testing.T) {
	lastDigit := func(key []byte, partitions int32) int32 { return int32(key[len(key)-1]-'0') % partitions }
	both(t, func(t *testing.T, p delivering) {
		for name, c := range map[string]struct {
			setting settings.Partitioner
			option  forwarder.Option
			want    partition.Func
		}{
			"murmur2": {settings.Murmur2, nil, partition.Murmur2},
			"fnv1a":   {settings.FNV1a, nil, partition.FNV1a},
			"crc32":   {settings.CRC32, nil, partition.CRC32},
			"own":     {settings.CRC32, forwarder.WithPartitioner(lastDigit), lastDigit},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := forwardertest.NewKafka(t)
				s := k.Settings()
				s.Delivery.Partitioner = c.setting
				var opts []forwarder.Option
				if c.option != nil {
					opts = append(opts, c.option)
				}
				f := p.start(t, s, opts...)
				var l ledger
				for user := range int64(100) {
					l.send(t.Context(), t, f, user+1, 10)
				}
				require.NoError(t, f.Shutdown(within(t, time.Minute)))
				messages := k.Messages(t, "events")
				assert.Len(t, messages, 100)
				for _, m := range messages {
					assert.Equal(t, c.want(m.Key, 12), m.Partition, "user %s", m.Key)
				}
			})
		}
	})
}

// A function that fails takes only its own batches with it: not sent.
func TestPartitioner_failing(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		t.Parallel()
		k := forwardertest.NewKafka(t)
		f := p.open(t, k, forwarder.WithPartitioner(func(key []byte, partitions int32) int32 {
			switch user, _ := strconv.Atoi(string(key)); user {
			case 1:
				panic("no partition for " + string(key))
			case 2:
				return partitions
			case 3:
				return -1
			case 4:
				runtime.Goexit()
			}
			return 5
		}), forwarder.WithoutProbe()) // so that the first are placed once the partitions are known
		var l ledger
		var forwarded sync.WaitGroup
		for range 2 {
			for user := range int64(5) {
				e, b := l.make(t, user+1, 10)
				forwarded.Add(1)
				f.ForwardAsync(within(t, time.Minute), b, func(err error) {
					l.note(e, err)
					forwarded.Done()
				})
			}
			forwarded.Wait()
		}
		for _, e := range l.entries {
			if e.user == 5 {
				assert.NoError(t, e.err)
				continue
			}
			require.ErrorContains(t, e.err, "choosing a partition")
			assert.True(t, forwarder.NothingSent(e.err))
			assert.NotContains(t, e.err.Error(), "no partition for", "what panics with may be data")
		}
		assert.ErrorIs(t, l.entries[1].err, sarama.ErrInvalidPartition)
		assert.ErrorContains(t, l.entries[3].err, "the function did not return")
		assert.Len(t, k.Messages(t, "events"), 2)
	})
}
