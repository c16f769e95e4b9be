package endtoend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/batch"
)

// partitions: user ids as decimal text in either form of JSON, and where
// Java's and franz-go's clients put such keys.
func (k target) partitions(t *testing.T) {
	const partitions = 12
	ids := []int64{1, -1, 42, math.MaxInt64, math.MinInt64, 7346244611012968789, -5045766802590845105, 1<<53 + 1}
	random := rand.New(rand.NewPCG(1, 2))
	for len(ids) < 300 {
		ids = append(ids, int64(random.Uint64()))
	}
	var texts, keys []string
	for i, id := range ids {
		form := `{"mpid":%d,"events":[{"event_type":"opt_out"}]}`
		if i%2 == 1 {
			form = `{"mpid":"%d","events":[{"event_type":"opt_out"}]}`
		}
		texts = append(texts, fmt.Sprintf(form, id))
		keys = append(keys, strconv.FormatInt(id, 10))
	}
	s := k.settings(t, partitions)
	forward(t, start(t, s), texts...)

	got := map[string]int32{}
	for _, m := range read(t, s) {
		got[string(m.Key)] = m.Partition
	}
	want := map[string]int32{}
	franz := kgo.StickyKeyPartitioner(nil).ForTopic(s.TopicName)
	for _, key := range keys {
		want[key] = int32(franz.Partition(&kgo.Record{Key: []byte(key)}, partitions))
	}
	assert.Equal(t, want, got)
	if k.java != nil {
		byJava, err := k.java.JavaPartitions(within(t, time.Minute), s.TopicName+"-twin", partitions, keys)
		require.NoError(t, err)
		assert.Equal(t, byJava, got)
	}
}

// order: users' batches, from as many callers and two of each sort, arrive in
// the order in which they were accepted.
func (k target) order(t *testing.T) {
	const users, each = 24, 60
	s := k.settings(t, 4)
	f := start(t, s)
	ctx := within(t, time.Minute)
	var wg sync.WaitGroup
	for user := range users {
		batches := make([]*batch.Batch, each)
		for n := range batches {
			batches[n] = parse(t, fmt.Sprintf(`{"mpid":%d,"events":[{"event_type":"custom_event","data":{"n":%d}}]}`, user+1, n))
		}
		wg.Go(func() {
			switch user % 3 {
			case 0:
				for _, b := range batches {
					assert.NoError(t, f.Forward(ctx, b))
				}
			case 1:
				for _, b := range batches {
					wg.Add(1)
					f.ForwardAsync(ctx, b, func(err error) {
						defer wg.Done()
						assert.NoError(t, err)
					})
				}
			default:
				for _, err := range f.ForwardAll(ctx, batches) {
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Wait()

	next := map[string]int64{}
	partition := map[string]int32{}
	for _, m := range read(t, s) {
		b := parse(t, string(m.Value))
		for _, e := range b.Events() {
			n, ok := e.At("data", "n").Int64()
			require.True(t, ok)
			key := string(m.Key)
			require.Equal(t, next[key], n, "user %s", key)
			if n == 0 {
				partition[key] = m.Partition
			}
			require.Equal(t, partition[key], m.Partition, "user %s", key)
			next[key]++
		}
	}
	require.Len(t, next, users)
	for user, n := range next {
		assert.Equal(t, int64(each), n, "user %s", user)
	}
}
