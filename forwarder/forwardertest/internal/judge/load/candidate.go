package load

import "fmt"

// A Candidate is who is judged: a forwarder on one of its producers, or a broken
// client in its place.
type Candidate struct {
	Producer Producer
	Defect   Defect
	Door     Door
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

// Stressed reports whether it must bear batches that are split or too large, and calls
// that end early.
func (c Candidate) Stressed() bool {
	return c.Defect == None || c.Defect == NoQuarantine || c.Defect == MisnamesTopic
}

// String is for verdicts.
func (c Candidate) String() string {
	if c.Defect != None {
		return string(c.Defect)
	}
	if c.Door != NoDoor {
		return string(c.Producer) + " behind the door " + string(c.Door)
	}
	return string(c.Producer)
}
