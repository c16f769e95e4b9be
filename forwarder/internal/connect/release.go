package connect

// A kafkaRelease has a request by which a broker shows that it is of this release or a
// later one.
type kafkaRelease struct {
	name         string
	key, version int16
}

// releases lists them, newest first. Those that show nothing new are left out.
func releases() []kafkaRelease {
	return []kafkaRelease{
		{"4.3", 35, 5},
		{"4.2", 2, 11},
		{"4.1", 1, 18},
		{"4.0", 3, 13},
		{"3.9", 1, 17},
		{"3.8", keyProduce, 11},
		{"3.7", keyProduce, produceOf37},
		{"3.6", 24, 4},
		{"3.5", 2, 8},
		{"3.3", 38, 3},
		{"3.2", 11, 9},
		{"3.1", 3, 12},
		{"3.0", 65, 0},
		{"2.8", 60, 0},
		{"2.7", 50, 0},
		{"2.6", 48, 0},
		{"2.5", keyInitProducerID, 3},
		{"2.4", keyProduce, 8},
		{"2.3", 44, 0},
		{"2.2", 43, 0},
		{"2.1", keyProduce, produceZstd},
		{"2.0", keyProduce, 6},
		{"1.1", 42, 0},
		{"1.0", keySASLAuthenticate, 0},
		{"0.11", keyProduce, produceRecordBatches},
	}
}

// Release guesses which release of Kafka the broker is of, by the requests that it
// knows. It returns "" if the broker has not told, or is older than 0.11. Emulations
// of Kafka are like the release that they imitate.
func (l *Link) Release() string { return l.conn.apiVersions().release() }

// CapsMinInSync reports whether the broker takes a min.insync.replicas above the number
// of a partition's replicas for that number, as it does since Kafka 3.7. Those before
// refuse every message then.
func (l *Link) CapsMinInSync() bool { return l.conn.apiVersions().knows(keyProduce, produceOf37) }

// produceOf37 is the version of a produce request that Kafka 3.7 brought.
const produceOf37 = 10

func (v apiVersions) release() string {
	for _, r := range releases() {
		if v.knows(r.key, r.version) {
			return r.name
		}
	}
	return ""
}
