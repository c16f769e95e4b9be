package partition_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/partition"
)

// funcs pairs each function with a partitioner of Sarama that has the same
// rule, which the keys of a topic may come from.
var funcs = map[string]struct {
	place  partition.Func
	sarama sarama.PartitionerConstructor
}{
	"Murmur2": {partition.Murmur2, sarama.NewMurmur2Partitioner},
	"FNV1a":   {partition.FNV1a, sarama.NewHashPartitioner},
	"CRC32":   {partition.CRC32, sarama.NewConsistentCRCHashPartitioner},
}

// These partitions must stay for ever: a change here moves users. They were
// computed by another implementation, in another language.
func TestFuncs_stayAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		key                   string
		partitions            int32
		murmur2, fnv1a, crc32 int32
	}{
		{"1", 12, 3, 4, 11},
		{"-1", 12, 3, 11, 6},
		{"42", 12, 4, 5, 8},
		{"1234567890123456789", 48, 8, 33, 41},
		{"9223372036854775807", 48, 45, 43, 46},
		{"-9223372036854775808", 100, 62, 63, 43},
		{"1468509572224", 50, 25, 48, 25}, // FNV-1a is the smallest int32, which has no positive twin
		{"", 64, 25, 59, 0},
		{"any key", 1, 0, 0, 0},
		{"any key", math.MaxInt32, 636384182, 972890126, 594716991},
	} {
		t.Run(c.key+" of "+strconv.Itoa(int(c.partitions)), func(t *testing.T) {
			key := []byte(c.key)
			assert.Equal(t, c.murmur2, partition.Murmur2(key, c.partitions), "Murmur2")
			assert.Equal(t, c.fnv1a, partition.FNV1a(key, c.partitions), "FNV1a")
			assert.Equal(t, c.crc32, partition.CRC32(key, c.partitions), "CRC32")
		})
	}
}

func TestFuncs_agreeWithSarama(t *testing.T) {
	for name, f := range funcs {
		t.Run(name, func(t *testing.T) {
			theirs := f.sarama("topic")
			for id := range int64(2000) {
				key := strconv.FormatInt(id*0x5851f42d4c957f2d, 10)
				for _, n := range []int32{1, 2, 7, 48, 1000, math.MaxInt32} {
					want, err := theirs.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(key)}, n)
					require.NoError(t, err)
					require.Equal(t, want, f.place([]byte(key), n), "key %s of %d partitions", key, n)
				}
			}
		})
	}
}

func TestFuncs_withoutPartitions(t *testing.T) {
	for name, f := range funcs {
		for _, n := range []int32{0, -1, math.MinInt32} {
			assert.EqualValues(t, -1, f.place([]byte("key"), n), "%s of %d partitions", name, n)
		}
	}
}

func TestFuncs_treatNilAsEmpty(t *testing.T) {
	for name, f := range funcs {
		assert.Equal(t, f.place([]byte{}, 64), f.place(nil, 64), name)
	}
}

func TestFuncs_doNotAllocate(t *testing.T) {
	key := []byte("-1234567890123456789")
	for name, f := range funcs {
		assert.Zero(t, testing.AllocsPerRun(100, func() { f.place(key, 48) }), name)
	}
}

// BenchmarkFuncs hashes a user id of the usual length.
func BenchmarkFuncs(b *testing.B) {
	key := []byte("1234567890123456789")
	for name, f := range funcs {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.place(key, 48)
			}
		})
	}
}

func FuzzFuncs(f *testing.F) {
	f.Add([]byte(nil), int32(1))
	f.Add([]byte("1468509572224"), int32(50))
	f.Add([]byte("-9223372036854775808"), int32(math.MaxInt32))
	f.Add([]byte{0xff, 0, 0x80}, int32(0))
	f.Fuzz(func(t *testing.T, key []byte, n int32) {
		for name, f := range funcs {
			got := f.place(key, n)
			if n < 1 {
				assert.EqualValues(t, -1, got, name)
				continue
			}
			assert.True(t, 0 <= got && got < n, "%s: %d of %d partitions", name, got, n)
			want, err := f.sarama("topic").Partition(&sarama.ProducerMessage{Key: sarama.ByteEncoder(key)}, n)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s does not agree with Sarama", name)
		}
	})
}

// readVectors fills v from a file of data that is not part of the project.
func readVectors(t *testing.T, name string, v any) {
	t.Helper()
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skipf("1 file skipped: EVENTFERRY_TESTDATA does not say where %s is", name)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, v))
}
