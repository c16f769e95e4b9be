package peer

// The contenders by name.
const (
	Forward   = "eventferry"        // Forward, ForwardAll or ForwardAsync of parsed batches, with all switches
	Stock     = "eventferry-stock"  // the same, with forwarder.WithSaramaProducer
	Engine    = "eventferry-engine" // the forwarder's producer, given ready-made messages
	Seam      = "eventferry-seam"   // in that one's place the adapter to Sarama's AsyncProducer
	Sarama    = "sarama"            // AsyncProducer, Flush.Frequency 0
	Franz     = "franz-go"          // linger 0
	FranzWait = "franz-go-5ms"      // linger 5 ms
	FranzLong = "franz-go-10ms"     // linger 10 ms, its default
	Confluent = "confluent"         // confluent-kafka-go on librdkafka, linger 5 ms
	Java      = "java"              // KafkaProducer, linger 5 ms
)

// Lingers are those of franz-go.
func Lingers() []string { return []string{Franz, FranzWait, FranzLong} }

// Called returns the contender with this name, or with one that is shorter to
// type.
func Called(name string) (contender string, ok bool) {
	short := map[string]string{
		"forward": Forward, "stock": Stock, "engine": Engine, "seam": Seam, "sarama": Sarama, "franz0": Franz, "franz5": FranzWait,
		"franz10": FranzLong, "confluent": Confluent, "librdkafka": Confluent, "java": Java,
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
