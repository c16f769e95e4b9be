package judge

import (
	"fmt"
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

// A Door is what the batches are posted to.
type Door = load.Door

// The doors.
const (
	NoDoor      = load.NoDoor
	WebhookDoor = load.WebhookDoor
)

// Options say what to judge.
type Options struct {
	Level    string
	Producer Producer
	Door     Door
	Seed     uint64
	Seeds    int // one run each, from Seed on
	Goals    Goals
	Controls bool   // begin with them; of the embedded level
	Keep     string // a folder for histories and logs; empty: a temporary one, removed when the run has passed

	Spool  bool          // forward through a spool, and kill the process again and again
	Window time.Duration // batches of a device gather for so long, on the spool; 0: they do not

	Routes int // topics to which events are routed, 2 at least; 0: all go to one topic

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
	BrokerKills    int           // of brokers of Apache Kafka, with a spool
	MaxStall       time.Duration // without any acknowledgement
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
				Faults: 100, Crashes: 5, MaxStall: time.Minute, Limit: 3 * time.Minute,
			},
		}, nil
	case LevelApache:
		return Options{
			Level: level, Producer: ProducerEngine, Seeds: 1, Version: "4.3.1", LongestStop: 12 * time.Second,
			Goals: Goals{
				Users: 400, Keyless: 24, Rate: 1500, Messages: 300_000, PerUser: 500,
				Faults: 25, Crashes: 3, MaxStall: 2 * time.Minute, Limit: 7 * time.Minute,
			},
		}, nil
	default:
		return Options{}, fmt.Errorf("judge: no level %q", level)
	}
}

// WithSpool turns the options of a level into those of its spool mode: each call
// stores, and the process is killed again and again.
func (o Options) WithSpool() Options {
	o.Spool = true
	g := &o.Goals
	g.Users, g.Rate, g.Events, g.PerUser, g.Crashes = 200, 1500, 0, 50, 60
	g.Messages, g.Faults = 40_000, 60
	if o.Level == LevelApache {
		g.Rate, g.Crashes, g.Messages, g.Faults, g.BrokerKills = 800, 30, 15_000, 6, 5
	}
	return o
}
