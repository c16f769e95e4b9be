package settings

import "time"

// Delivery says how messages travel. The zero value is right for most. Fields
// that have one say Kafka's own name for the setting.
type Delivery struct {
	// The name by which brokers know this client in logs, metrics and quotas
	// (Kafka's client.id).
	//
	// Beyond the page: Client ID. Default: eventferry.
	ClientID string `json:"client_id"`

	// How messages are compressed: none, gzip, snappy, lz4 or zstd (Kafka's
	// compression.type).
	//
	// On batches of JSON, zstd at level 1 makes a message about 4.6 times
	// smaller at some 200 MB/s a core, lz4 2.8 times at some 320 MB/s, snappy
	// less at 600 to 700 MB/s.
	//
	// Beyond the page: Compression. Default: zstd.
	Compression Compression `json:"compression"`

	// How hard to compress: 1 to 22 for zstd, 1 to 9 for gzip, where the default
	// is 6. The others have no levels, so setting one is a mistake.
	//
	// For zstd, 1 and 2 do the same; so do 3 to 5, 6 to 9, and 10 to 22.
	//
	// Beyond the page: Compression Level. Default: 1.
	CompressionLevel int `json:"compression_level"`

	// How long a message waits for others to travel with, such as "5ms"
	// (Kafka's linger.ms). With 0 it goes when the connection is free.
	//
	// Messages gather while a request is out all the same, which serves callers
	// that wait for each batch better than a fixed time.
	//
	// Beyond the page: Linger. Default: 0s.
	Linger time.Duration `json:"linger"`

	// The size of the largest message, in bytes, before compression and with
	// key and headers (Kafka's max.request.size). A batch above it is split
	// between its events; an event above it is refused. Keep it at or below the
	// topic's max.message.bytes.
	//
	// What counts is key, value, headers and 128 bytes for what surrounds them.
	// At most 100,000,000, which fits into the largest request that brokers
	// take by default (socket.request.max.bytes).
	//
	// Beyond the page: Max Message Bytes. Default: 1000000.
	MaxMessageBytes int `json:"max_message_bytes"`

	// How many bytes of messages may wait for their acknowledgement (Kafka's
	// buffer.memory). Forwarding waits for room, it never drops. At least four
	// times max_message_bytes.
	//
	// Beyond the page: Max Buffered Bytes. Default: 67108864.
	MaxBufferedBytes int64 `json:"max_buffered_bytes"`

	// Which hash of the user id picks the partition: murmur2 as Kafka's Java
	// clients, fnv1a as Sarama, crc32 as librdkafka. Changing it moves users to
	// other partitions.
	//
	// Beyond the page: Partitioner. Default: murmur2.
	Partitioner Partitioner `json:"partitioner"`
}

// A Compression is a codec by its name in Kafka's compression.type.
type Compression string

// The codecs of Kafka.
const (
	// NoCompression sends messages as they are.
	NoCompression Compression = "none"
	// Gzip is slow and compresses well: of use where something that reads the
	// topic knows nothing else.
	Gzip Compression = "gzip"
	// Snappy is the fastest and compresses least.
	Snappy Compression = "snappy"
	// LZ4 lies between Snappy and Zstd.
	LZ4 Compression = "lz4"
	// Zstd compresses best. It needs brokers and consumers of Kafka 2.1.
	Zstd Compression = "zstd"
)

// A Partitioner names the hash that picks a user's partition.
type Partitioner string

// The hashes of package partition.
const (
	// Murmur2 picks as Kafka's Java clients do.
	Murmur2 Partitioner = "murmur2"
	// FNV1a picks as Sarama does by default.
	FNV1a Partitioner = "fnv1a"
	// CRC32 picks as librdkafka does by default.
	CRC32 Partitioner = "crc32"
)
