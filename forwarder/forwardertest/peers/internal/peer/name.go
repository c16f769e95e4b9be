package peer

import "slices"

// The contenders by name.
const (
	Forward   = "eventferry"             // Forward, ForwardAll or ForwardAsync of parsed batches, with all switches
	Stock     = "eventferry-stock"       // the same, with forwarder.WithSaramaProducer
	Engine    = "eventferry-engine"      // the forwarder's producer, given ready-made messages
	EngineAll = "eventferry-engine-2mib" // the same with requests of 2 MiB, the most that it gathers
	Seam      = "eventferry-seam"        // in that one's place the adapter to Sarama's AsyncProducer
	Sarama    = "sarama"                 // AsyncProducer, Flush.Frequency 0
	Franz     = "franz-go"               // linger 0
	FranzWait = "franz-go-5ms"           // linger 5 ms
	FranzLong = "franz-go-10ms"          // linger 10 ms, its default
	Confluent = "confluent"              // confluent-kafka-go on librdkafka, linger 5 ms
	Java      = "java"                   // KafkaProducer, linger 5 ms

	// These are given the bytes that a service has received, as FromBytes of ours
	// is, and do what Forward does by hand. They hand it to franz-go with linger 0,
	// and with "-5ms" 5 ms.
	FromBytes   = "eventferry-from-bytes" // Parse, then Forward
	Structs     = "structs"               // encoding/json, a field for each member
	StructsWait = "structs-5ms"
	JSONv2      = "json-v2" // only the members that are looked at
	JSONv2Wait  = "json-v2-5ms"
	Sonic       = "sonic" // its tree
	SonicWait   = "sonic-5ms"

	// These are servers, to which the bytes are posted.
	Webhook           = "eventferry-webhook" // that of package receiver
	StructsPosted     = "structs-posted"     // structs behind net/http
	StructsPostedWait = "structs-posted-5ms"
)

// Lingers are those of franz-go.
func Lingers() []string { return []string{Franz, FranzWait, FranzLong} }

// ByHand are the ways in which a user would write it instead.
func ByHand() []string { return append(ByStructs(), JSONv2, JSONv2Wait, Sonic, SonicWait) }

// ByStructs are the ways of those that are in the standard library.
func ByStructs() []string { return []string{Structs, StructsWait} }

// PostedByStructs are those of ByStructs behind net/http.
func PostedByStructs() []string { return []string{StructsPosted, StructsPostedWait} }

// Reencodes reports whether a contender writes other bytes than ours that mean the same.
func Reencodes(name string) bool {
	return slices.Contains(ByHand(), name) || slices.Contains(PostedByStructs(), name)
}

// Called returns the contender with this name, or with one that is shorter to
// type.
func Called(name string) (contender string, ok bool) {
	short := map[string]string{
		"forward": Forward, "stock": Stock, "engine": Engine, "engine2mib": EngineAll, "seam": Seam, "sarama": Sarama, "franz0": Franz, "franz5": FranzWait,
		"franz10": FranzLong, "confluent": Confluent, "librdkafka": Confluent, "java": Java,
		"bytes": FromBytes, "structs": Structs, "structs5": StructsWait, "v2": JSONv2, "v25": JSONv2Wait, "sonic": Sonic, "sonic5": SonicWait,
		"webhook": Webhook, "posted": StructsPosted, "posted5": StructsPostedWait,
	}
	if contender, ok = short[name]; ok {
		return contender, true
	}
	for _, contender := range short {
		if contender == name {
			return name, true
		}
	}
	return "", false
}
