package results

// method tells readers of the tables how they were made.
const method = `
Numbers are medians of the rounds of all runs. Ratios are medians of the ratios within
each round, with their quartiles; a difference inside the quartiles is a tie. They
compare with the linger of franz-go that needs less processor time for the same
work. CPU is of the client's process, for each message, as are allocations.
Latency is from handing over a group until it is acknowledged; where a round had
fewer than 1,000 groups, p999 is the longest.

Contenders, each a process of its own on the clients' core, with the brokers on
the other, acks=all, idempotent, TLS, SCRAM-SHA-512, murmur2, zstd at level 1;
the plots have longer names for them:

- eventferry: Forward, or ForwardAll for groups and ForwardAsync for the
  pipeline, of batches parsed beforehand, with the settings that cut or add
  members of every such batch: locations, device name, IP address, network
  performance events, unique_id, and the defaults
- eventferry-stock: the same, with WithSaramaProducer
- eventferry-engine: the producer of eventferry alone, given ready-made messages, as are those below
- eventferry-seam: our adapter to AsyncProducer, the producer of eventferry-stock
- sarama: AsyncProducer with Flush.Frequency 0 and long channels
- franz-go: linger 0; franz-go-5ms and franz-go-10ms: linger 5 and 10 ms
- confluent: confluent-kafka-go, with librdkafka's codecs in C, linger 5 ms;
  allocations are those of Go
- java: KafkaProducer, linger 5 ms, one process for each cluster with 15 s of warm-up

The next ones are given the bytes that a service has received, and make of them
the messages of the ones above:

- eventferry-from-bytes: Parse, then as eventferry
- structs: encoding/json, with a struct field for each member of mParticle's
  schema, the same changes by hand, encoding/json again, then franz-go with linger
  0; structs-5ms: linger 5 ms. What the schema does not name is lost
- json-v2, json-v2-5ms: the same with what is to become encoding/json/v2 and with
  only those members decoded that the changes are about; the rest is kept as text
- sonic, sonic-5ms: the same with sonic's tree

Loads: "64 x N" is 64 callers, each of which waits for the acknowledgement of the
N messages that it hands over at once; in the pipeline one caller hands over
message by message, and as many are out as with groups. Each measurement begins
0.4 s after the first acknowledgement, and in Go not before the garbage collector
has run once under the load, if it does within 3 s: until then the kernel makes
pages for most of what is allocated, which a process that has run for a minute
does not wait for. It lasts until ten times over all that may be out is
acknowledged, at least as long as the command says and at most 3 s. Then
everything is read back: nothing may be missing, twice, changed, out of order or
in another partition. Processes in Go hold 100 MB that they never touch, as a
service does that has other work; the garbage that gathers beside it is in the
peaks.
`
