package partition_test

import (
	"encoding/hex"
	"math"
	"strconv"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/partition"
)

// rules says which function follows each rule that the vectors name.
var rules = map[string]partition.Func{
	"java_default":                           partition.Murmur2,
	"sarama_NewMurmur2Partitioner":           partition.Murmur2,
	"librdkafka_murmur2":                     partition.Murmur2,
	"librdkafka_murmur2_random":              partition.Murmur2,
	"sarama_NewHashPartitioner":              partition.FNV1a,
	"librdkafka_fnv1a":                       partition.FNV1a,
	"sarama_NewConsistentCRCHashPartitioner": partition.CRC32,
	"librdkafka_consistent":                  partition.CRC32,
	"librdkafka_consistent_random":           partition.CRC32, // for keys that are not empty
	"sarama_NewReferenceHashPartitioner":     nil,             // no function has this rule
}

type vectors struct {
	Rules     map[string]string `json:"rules"`
	Published []struct {
		Rule       string           `json:"rule"`
		Partitions int32            `json:"partitions"`
		Keys       map[string]int32 `json:"keys"`
	} `json:"published_partitions"`
	Murmur2 []struct {
		Key       hexKey           `json:"key_hex"`
		Positive  int32            `json:"positive"`
		Partition map[string]int32 `json:"partition"`
	} `json:"murmur2"`
	FNV1a []struct {
		Key  hexKey `json:"key_hex"`
		Hash uint32 `json:"fnv1a_u32"`
	} `json:"fnv1a"`
	CRC32 []struct {
		Key  hexKey `json:"key_hex"`
		Hash uint32 `json:"crc32"`
	} `json:"crc32_ieee"`
}

type hexKey []byte

func (k *hexKey) UnmarshalText(text []byte) (err error) {
	*k, err = hex.AppendDecode(nil, text)
	return err
}

// counts are those of the usual topics, and two that bring out sign errors.
var counts = []int32{1, 2, 3, 12, 48, 100, 1000, math.MaxInt32 - 1, math.MaxInt32}

func TestVectors(t *testing.T) {
	var v vectors
	readVectors(t, "murmur2.json", &v)
	require.NotEmpty(t, v.Murmur2)
	require.NotEmpty(t, v.FNV1a)
	require.NotEmpty(t, v.CRC32)

	for rule := range v.Rules {
		assert.Contains(t, rules, rule, "no decision on this rule")
	}
	checked := 0
	for _, p := range v.Published {
		require.NotNil(t, rules[p.Rule], p.Rule)
		for key, want := range p.Keys {
			assert.Equal(t, want, rules[p.Rule]([]byte(key), p.Partitions), "%s: key %q", p.Rule, key)
			checked++
		}
	}
	for _, m := range v.Murmur2 {
		for _, n := range counts {
			assert.Equal(t, m.Positive%n, partition.Murmur2(m.Key, n), "Murmur2: key %x of %d partitions", m.Key, n)
			checked++
		}
		for count, want := range m.Partition {
			n, err := strconv.Atoi(count)
			require.NoError(t, err)
			assert.Equal(t, want, partition.Murmur2(m.Key, int32(n)), "Murmur2: key %x of %d partitions", m.Key, n)
			checked++
		}
	}
	for _, f := range v.FNV1a {
		abs := max(int64(int32(f.Hash)), -int64(int32(f.Hash)))
		for _, n := range counts {
			assert.EqualValues(t, abs%int64(n), partition.FNV1a(f.Key, n), "FNV1a: key %x of %d partitions", f.Key, n)
			checked++
		}
	}
	for _, c := range v.CRC32 {
		for _, n := range counts {
			assert.Equal(t, int32(c.Hash%uint32(n)), partition.CRC32(c.Key, n), "CRC32: key %x of %d partitions", c.Key, n)
			checked++
		}
	}
	t.Logf("%d placements checked", checked)
}

// The package comment says that this partitioner is another rule.
func TestFuncs_differFromSaramaReference(t *testing.T) {
	theirs := sarama.NewReferenceHashPartitioner("topic")
	differ := 0
	const users, partitions = 10_000, 48
	for id := range users {
		key := strconv.Itoa(id)
		reference, err := theirs.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(key)}, partitions)
		require.NoError(t, err)
		if reference != partition.FNV1a([]byte(key), partitions) {
			differ++
		}
	}
	assert.InDelta(t, 0.48, float64(differ)/users, 0.05)
}
