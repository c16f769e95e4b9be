package load

import "fmt"

// A Candidate is who is judged: a forwarder on one of its producers, or a broken
// client in its place.
type Candidate struct {
	Producer Producer
	Defect   Defect
}

// A Producer is what a forwarder delivers with.
type Producer string

// The producers.
const (
	Engine Producer = "engine" // the forwarder's own, which it has unless told otherwise
	Sarama Producer = "sarama" // that of [forwarder.WithSaramaProducer]
)

// Validate returns an error if there is no such producer.
func (p Producer) Validate() error {
	switch p {
	case Engine, Sarama:
		return nil
	default:
		return fmt.Errorf("judge: no producer %q: there are %s and %s", p, Engine, Sarama)
	}
}

// String is for verdicts.
func (c Candidate) String() string {
	if c.Defect != None {
		return string(c.Defect)
	}
	return string(c.Producer)
}
