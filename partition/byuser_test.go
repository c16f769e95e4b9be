package partition_test

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/partition"
)

// choose picks a partition as Sarama's producers do: from all partitions if the
// message insists, and otherwise from those with a leader.
func choose(t *testing.T, p sarama.Partitioner, m *sarama.ProducerMessage, all, led []int32) int32 {
	t.Helper()
	candidates := led
	dynamic, ok := p.(sarama.DynamicConsistencyPartitioner)
	require.True(t, ok)
	if dynamic.MessageRequiresConsistency(m) {
		candidates = all
	}
	i, err := p.Partition(m, int32(len(candidates)))
	require.NoError(t, err)
	return candidates[i]
}

func keyed(key string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Key: sarama.StringEncoder(key)}
}

func TestByUser_keepsUsersWhereTheyAre(t *testing.T) {
	all := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	for name, f := range funcs {
		t.Run(name, func(t *testing.T) {
			p := partition.ByUser(f.place)("topic")
			assert.True(t, p.RequiresConsistency())
			for id := range 500 {
				m := keyed(strconv.Itoa(id))
				home := choose(t, p, m, all, all)
				assert.Equal(t, f.place([]byte(strconv.Itoa(id)), 12), home)
				assert.Equal(t, home, choose(t, p, m, all, []int32{3, 5, 8}), "some partitions have no leader")
				assert.Equal(t, home, choose(t, p, m, all, nil), "no partition has a leader")
			}
		})
	}
}

func TestByUser_spreadsTheKeylessOverPartitionsWithALeader(t *testing.T) {
	all, led := []int32{0, 1, 2, 3, 4, 5, 6, 7}, []int32{0, 2, 3, 6, 7}
	p := partition.ByUser(partition.Murmur2)("topic")

	const messages = 100_000
	got := map[int32]int{}
	for range messages {
		got[choose(t, p, &sarama.ProducerMessage{}, all, led)]++
	}
	for partition := range got {
		assert.Contains(t, led, partition)
	}
	var chiSquare float64
	expected := float64(messages) / float64(len(led))
	for _, partition := range led {
		chiSquare += math.Pow(float64(got[partition])-expected, 2) / expected
	}
	// With 4 degrees of freedom a uniform choice exceeds 46 once in 4e8 runs.
	// One partition with 3 % more than its share exceeds it in most runs.
	assert.Less(t, chiSquare, 46.0, "%v", got)
}

// A key without bytes is a key: only a nil Key is none.
func TestByUser_emptyKeyIsAKey(t *testing.T) {
	p := partition.ByUser(partition.Murmur2)("topic")
	for name, key := range map[string]sarama.Encoder{
		"nil in an interface": sarama.ByteEncoder(nil),
		"no bytes":            sarama.ByteEncoder{},
		"empty string":        sarama.StringEncoder(""),
	} {
		t.Run(name, func(t *testing.T) {
			m := &sarama.ProducerMessage{Key: key}
			dynamic, ok := p.(sarama.DynamicConsistencyPartitioner)
			require.True(t, ok)
			assert.True(t, dynamic.MessageRequiresConsistency(m))
			for range 20 {
				got, err := p.Partition(m, 1000)
				require.NoError(t, err)
				assert.Equal(t, partition.Murmur2(nil, 1000), got)
			}
		})
	}
}

func TestByUser_nilMeansMurmur2(t *testing.T) {
	got, err := partition.ByUser(nil)("topic").Partition(keyed("42"), 1000)
	require.NoError(t, err)
	assert.Equal(t, partition.Murmur2([]byte("42"), 1000), got)
}

func TestByUser_onePartitionIsEnough(t *testing.T) {
	for name, m := range map[string]*sarama.ProducerMessage{"key": keyed("42"), "no key": {}} {
		got, err := partition.ByUser(nil)("topic").Partition(m, 1)
		require.NoError(t, err, name)
		assert.Zero(t, got, name)
	}
}

type brokenKey struct{ err error }

func (k brokenKey) Encode() ([]byte, error) { return nil, k.err }
func (brokenKey) Length() int               { return 0 }

func TestByUser_refuses(t *testing.T) {
	errKey := errors.New("no bytes today")
	out := func(i int32) partition.Func { return func([]byte, int32) int32 { return i } }
	for name, c := range map[string]struct {
		f          partition.Func
		m          *sarama.ProducerMessage
		partitions int32
		want       string
		is         error
	}{
		"no partition":          {nil, keyed("42"), 0, "choosing among 0 partitions", sarama.ErrInvalidPartition},
		"no partition, no key":  {nil, &sarama.ProducerMessage{}, 0, "choosing among 0 partitions", sarama.ErrInvalidPartition},
		"fewer than none":       {nil, &sarama.ProducerMessage{}, -1, "choosing among -1 partitions", sarama.ErrInvalidPartition},
		"function beyond range": {out(10), keyed("42"), 10, "the function chose 10 of 10 partitions", sarama.ErrInvalidPartition},
		"function below range":  {out(-1), keyed("42"), 10, "the function chose -1 of 10 partitions", sarama.ErrInvalidPartition},
		"key without bytes":     {nil, &sarama.ProducerMessage{Key: brokenKey{errKey}}, 10, "encoding the key", errKey},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := partition.ByUser(c.f)("topic").Partition(c.m, c.partitions)
			require.ErrorIs(t, err, c.is)
			assert.ErrorContains(t, err, "partition: "+c.want)
			assert.EqualValues(t, -1, got)
		})
	}
}

func TestByUser_doesNotAllocate(t *testing.T) {
	p, with, without := partition.ByUser(partition.Murmur2)("topic"), keyed("1234567890123456789"), &sarama.ProducerMessage{}
	with.Key = sarama.ByteEncoder("1234567890123456789") // a StringEncoder copies
	for _, m := range []*sarama.ProducerMessage{with, without} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.Partition(m, 48) }))
	}
}
