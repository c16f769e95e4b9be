package settings

import "time"

// Delivery says how messages travel. The zero value suits most programs. Each
// comment gives Kafka's own name of the setting, where it has one.
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
	// smaller at 200 to 400 MB/s a core, lz4 2.8 times at 320 to 600 MB/s, snappy
	// less at 600 to 700 MB/s.
	//
	// Beyond the page: Compression. Default: zstd.
	Compression Compression `json:"compression"`

	// How hard to compress: 1 to 22 for zstd, 1 to 9 for gzip, where the default
	// is 6. The other codecs have no levels, so setting one is a mistake.
	//
	// For zstd, 1 and 2 do the same; so do 3 to 5, 6 to 9, and 10 to 22.
	//
	// Beyond the page: Compression Level. Default: 1.
	CompressionLevel int `json:"compression_level"`

	// How long a message waits for others to share its request, such as "5ms"
	// (Kafka's linger.ms). With 0 it goes as soon as the connection is free.
	//
	// With 0, messages still gather while a request is in flight. That serves
	// callers that wait for each batch better than a fixed time.
	//
	// Beyond the page: Linger. Default: 0s.
	Linger time.Duration `json:"linger"`

	// The size of the largest message, in bytes, before compression and with
	// key and headers (Kafka's max.request.size). A batch above it is split
	// between its events; an event above it is refused. Keep it at or below the
	// topic's max.message.bytes.
	//
	// The size is key, value, headers (10 bytes more for each of the caller's own)
	// and 128 bytes for the framing. At most
	// 100,000,000, which fits into the largest request that brokers accept by
	// default (socket.request.max.bytes).
	//
	// Beyond the page: Max Message Bytes. Default: 1000000.
	MaxMessageBytes int `json:"max_message_bytes"`

	// How many bytes one request to a broker may take on the wire, whatever the
	// compression. At least 1,024 more than max_message_bytes; while it is unset,
	// a large max_message_bytes raises the default to that. Keep it at or below
	// the brokers' socket.request.max.bytes. Above 2 MiB it makes room for larger
	// messages only: a request gathers up to 2,097,152 bytes before compression,
	// and a message larger than that goes alone.
	//
	// Apache Kafka's brokers take 104,857,600 bytes by default, and more than
	// that is a mistake. Azure Event Hubs closes connections on requests above
	// 1,046,528 bytes, so the default stays below that. Sarama's own producer
	// (forwarder.WithSaramaProducer) keeps to the process-wide
	// sarama.MaxRequestSize instead.
	//
	// Beyond the page: Max Request Bytes. Default: 1040000.
	MaxRequestBytes int `json:"max_request_bytes"`

	// How many bytes of memory the batches may take that wait for their
	// acknowledgement (Kafka's buffer.memory): their text, their messages and the
	// records about them, some 2,500 bytes for the smallest. Forwarding waits for
	// room and never drops. At least four times max_message_bytes.
	//
	// Beyond the page: Max Buffered Bytes. Default: 67108864.
	MaxBufferedBytes int64 `json:"max_buffered_bytes"`

	// When the connections to the brokers are replaced by newer ones, which use the
	// credentials and certificates of that moment, such as "1h". The newer one is
	// opened first and takes over between two requests. While it is refused, the old
	// one stays, and the log says so. 0 replaces none: a connection then lasts until
	// the broker, the network or three minutes without a request end it. At least 1s.
	//
	// It shows that a credential is refused while messages still pass. Nothing else
	// needs it, since each new connection reads the files anew. Sarama's own producer
	// (forwarder.WithSaramaProducer) replaces none, as it opens a connection to a
	// broker only when it has none.
	//
	// Beyond the page: Max Connection Age. Default: 0s.
	MaxConnectionAge time.Duration `json:"max_connection_age"`

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
	// NoCompression sends messages uncompressed.
	NoCompression Compression = "none"
	// Gzip is slow and compresses well. It suits consumers that know no other
	// codec.
	Gzip Compression = "gzip"
	// Snappy is the fastest and compresses least.
	Snappy Compression = "snappy"
	// LZ4 lies between Snappy and Zstd.
	LZ4 Compression = "lz4"
	// Zstd compresses best. It needs brokers and consumers of Kafka 2.1 or newer.
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
