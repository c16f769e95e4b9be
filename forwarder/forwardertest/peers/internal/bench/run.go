package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// Options choose what a run measures.
type Options struct {
	Quick   bool
	Measure time.Duration // of each measurement
	Out     io.Writer     // for progress
}

// command returns the command that repeats a run.
func (o Options) command() string {
	command := "cd forwarder/forwardertest/peers && GOWORK=off go run . -measure " + o.Measure.String()
	if o.Quick {
		command += " -quick"
	}
	return command
}

const (
	warmUp     = 400 * time.Millisecond // Go's
	javaWarmUp = 15 * time.Second       // once for each of its processes
	brokerWarm = 20 * time.Second       // until a broker's code is compiled
)

// A run is a benchmark under way.
type run struct {
	Options
	dir     string
	pools   pools
	java    javas
	results *results.Results
	bar     bar
	noise   []float64
}

// Run makes all measurements. A contender's failures are in the results.
// With an error they hold the measurements until then.
func Run(ctx context.Context, o Options) (*results.Results, error) {
	dir, err := os.MkdirTemp("", "eventferry-peers")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // in the system's folder for temporary files
	began := time.Now()
	r := newRun(o, dir)
	if r.results.Code, err = codeAt(ctx, root); err != nil {
		return r.results, err
	}
	r.results.Began, r.results.Command = began.UTC().Format(time.RFC3339), o.command()
	r.results.Machine, r.results.Versions = machine(), versions(ctx)
	if err = r.clusters(ctx); err == nil {
		err = stillCode(r.results.Code, root)
	}
	r.results.Minutes = time.Since(began).Minutes()
	r.results.Machine.Noise = spreadOf(r.noise)
	return r.results, err
}

// newRun keeps its files in dir.
func newRun(o Options, dir string) *run {
	return &run{Options: o, dir: dir, pools: pools{dir, map[string]*pool{}}, java: javas{dir: dir}, results: &results.Results{Quick: o.Quick}}
}

// A stage is what one cluster is used for.
type stage struct {
	version string
	brokers int
	cells   []cell
	growth  []growing
	floors  bool // those of all sizes, too
	last    func(context.Context, *apache) error
	warm    time.Duration // until the brokers' code is compiled
}

func (r *run) stages() []stage {
	one := stage{version: apachekafka.Version39, brokers: 1, cells: oneBroker(r.Quick), growth: growth(r.Quick), floors: true, last: r.profiles, warm: brokerWarm}
	if r.Quick {
		one.warm /= 4
		return []stage{one}
	}
	one.growth = append(one.growth, growthOfBrokers(1))
	three := stage{version: apachekafka.Version43, brokers: 3, cells: threeBrokers(), growth: []growing{growthOfBrokers(3)}, warm: brokerWarm}
	return []stage{one, three}
}

func (r *run) clusters(ctx context.Context) error {
	stages := r.stages()
	for _, s := range stages {
		r.bar.add(r.estimate(s))
	}
	for _, s := range stages {
		if err := r.stage(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) stage(ctx context.Context, s stage) error {
	k, err := startApache(ctx, s.version, s.brokers)
	if err != nil {
		return err
	}
	defer k.Close()
	defer r.java.close()
	r.bar.say(r.Out, "%s: warming up", k.name)
	if err := r.warmBrokers(ctx, k, s); err != nil {
		return err
	}
	first := len(r.results.Cells)
	for _, c := range s.cells {
		r.results.Cells = append(r.results.Cells, results.Cell{Cluster: k.name, Size: c.size.Name, Codec: c.codec, Shape: c.shape(), Rounds: map[string][]results.Measurement{}})
	}
	for round := range s.rounds() {
		for i, c := range s.cells {
			if round < c.rounds {
				if err := r.round(ctx, k, c, round+i, r.results.Cells[first+i].Rounds); err != nil {
					return err
				}
			}
		}
		if err := r.growthRound(ctx, k, s.growth, round); err != nil {
			return err
		}
		if s.floors && round < rounds {
			if err := r.floors(ctx, round); err != nil {
				return err
			}
		}
	}
	if s.last != nil {
		return s.last(ctx, k)
	}
	return nil
}

// rounds are as many as the work that has most.
func (s stage) rounds() int {
	most := 0
	for _, c := range s.cells {
		most = max(most, c.rounds)
	}
	for _, g := range s.growth {
		most = max(most, g.rounds)
	}
	return most
}

// round has each contender do the work once, in another order in each round and
// cell, so that none always follows the same one and its traces on the disk.
func (r *run) round(ctx context.Context, k *apache, c cell, turn int, into map[string][]results.Measurement) error {
	var seconds float64 // on the core that clients have, as long as none runs
	if err := child(ctx, NoiseCommand, nil, &seconds); err != nil {
		return err
	}
	r.noise = append(r.noise, seconds)
	order := rand.New(rand.NewPCG(uint64(turn), uint64(c.size.Bytes))).Perm(len(c.contenders)) //nolint:gosec // no secret
	for _, i := range order {
		name := c.contenders[i]
		began := time.Now()
		m, err := r.measure(ctx, k, c, name, "")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m = results.Measurement{Error: err.Error()}
		} else if c.hasFloor(name) {
			if err := r.floorBelow(ctx, c, &m); err != nil {
				return err
			}
		}
		into[name] = append(into[name], m.Rounded())
		r.bar.done(r.Out, time.Since(began), fmt.Sprintf("%s, %s, %s", k.name, c, name), m)
	}
	return nil
}

// measure has one contender do one job, and reads its messages back.
func (r *run) measure(ctx context.Context, k *apache, c cell, name, profile string) (m results.Measurement, err error) {
	p, err := r.pools.of(ctx, c)
	if err != nil {
		return m, err
	}
	topic, err := k.newTopic(ctx, c.partitions)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, k.DeleteTopic(ctx, topic)) }()
	s := k.Settings(topic)
	j := peer.Job{
		Contender: name, Servers: s.BootstrapServers, Topic: topic,
		User: s.UserName, Password: s.Password.Reveal(), CAFile: s.TLS.CAFile,
		Codec: c.codec, Pool: p.path, Callers: c.callers, Group: c.group, Pipe: c.pipe,
		WarmMillis: millis(warmUp), MeasureMillis: millis(r.Measure), Profile: profile,
	}
	var report peer.Report
	if name == peer.Java {
		report, err = r.java.run(ctx, j)
	} else {
		report, err = runGo(ctx, j)
	}
	if err != nil {
		return m, err
	}
	m = measurement(report)
	m.BatchBytes, err = k.check(ctx, topic, name, p.items, report.Sent)
	return m, err
}

func millis(d time.Duration) int { return int(d / time.Millisecond) }

func measurement(r peer.Report) results.Measurement {
	m := results.Measurement{
		CPUMicros: r.CPUMicros, Allocations: r.Allocations, AllocBytes: r.AllocBytes, PeakKiB: r.PeakKiB,
		P50Micros: r.P50Micros, P99Micros: r.P99Micros, P999Micros: r.P999Micros,
	}
	if r.Seconds > 0 {
		m.Rate = float64(r.Messages) / r.Seconds
	}
	return m
}

// warmBrokers puts a load on a cluster and keeps none of its results.
func (r *run) warmBrokers(ctx context.Context, k *apache, s stage) error {
	for end := time.Now().Add(s.warm); time.Now().Before(end); {
		if _, err := r.measure(ctx, k, s.cells[0], peer.FranzWait, ""); err != nil {
			return err
		}
	}
	return nil
}
