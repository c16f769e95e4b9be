package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge/load"
)

// The levels.
const (
	LevelEmbedded = "embedded" // on a Kafka in this process
	LevelApache   = "apache"   // on three brokers of Apache Kafka
)

// A Producer is what the forwarder under test delivers with.
type Producer = load.Producer

// The producers.
const (
	ProducerEngine = load.Engine
	ProducerSarama = load.Sarama
)

// Options say what to judge.
type Options struct {
	Level    string
	Producer Producer
	Seed     uint64
	Seeds    int // one run each, from Seed on
	Goals    Goals
	Controls bool   // begin with them; of the embedded level
	Keep     string // a folder for histories and logs; empty: a temporary one, removed when the run has passed

	Version     string        // of Apache Kafka
	LongestStop time.Duration // of a broker of Apache Kafka
}

// Goals are what a run must reach before it ends.
type Goals struct {
	Users, Keyless int
	Rate           float64 // batches a second at which the load is offered
	Messages       int     // acknowledged
	Events         int
	PerUser        int // batches of each user
	Faults         int // that hit
	Crashes        int
	Patience       time.Duration // without any acknowledgement
	Limit          time.Duration // of the load; then the run has failed
}

// Defaults are the full form of a level.
func Defaults(level string) (Options, error) {
	switch level {
	case LevelEmbedded:
		return Options{
			Level: level, Producer: ProducerEngine, Seeds: 2, Controls: true,
			Goals: Goals{
				Users: 400, Keyless: 24, Rate: 6000, Messages: 300_000, Events: 1_000_000, PerUser: 500,
				Faults: 100, Crashes: 5, Patience: time.Minute, Limit: 3 * time.Minute,
			},
		}, nil
	case LevelApache:
		return Options{
			Level: level, Producer: ProducerEngine, Seeds: 1, Version: "4.3.1", LongestStop: 12 * time.Second,
			Goals: Goals{
				Users: 400, Keyless: 24, Rate: 1500, Messages: 300_000, PerUser: 500,
				Faults: 25, Crashes: 3, Patience: 2 * time.Minute, Limit: 7 * time.Minute,
			},
		}, nil
	default:
		return Options{}, fmt.Errorf("judge: no level %q", level)
	}
}

// Run judges and writes what it finds. The error wraps [ErrFailed] if that is
// not what it must be.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if err := o.Producer.Validate(); err != nil {
		return err
	}
	if o.Level == LevelApache {
		return onEach(ctx, o, w, onApache)
	}
	var failed error
	if o.Controls {
		failed = controls(ctx, o, w)
	}
	return errors.Join(failed, onEach(ctx, o, w, onEmbedded))
}
