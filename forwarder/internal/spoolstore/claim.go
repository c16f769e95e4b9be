package spoolstore

import "time"

// A Claim is what a forwarder asks a spool for its store with. Its type keeps
// other programs from doing so.
type Claim struct{ Topics []string }

// Claimed is the store of a spool, and what its options say to a forwarder.
type Claimed struct {
	Store *Store
	Hold  bool // messages in doubt are refused rather than sent again

	ProducerIDExpiration time.Duration // of the brokers; 0: Kafka's default
}
