package engine

import (
	"math/rand/v2"
)

// A randomSource is the seed of all randomness of an engine. Each user of
// randomness has a stream of its own, so that a run can be repeated whatever the
// order in which goroutines draw numbers.
type randomSource uint64

const (
	randSticky uint64 = iota << 40
	randPartition
	randBroker
	randMetadata
	randProducerID
)

// topicStreams is how many bits of a stream's number tell the streams of one topic
// apart; the number of the topic is above.
const topicStreams = 24

func newRandomSource() randomSource { return randomSource(rand.Uint64()) }

func (s randomSource) stream(id uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(s), id)) }
