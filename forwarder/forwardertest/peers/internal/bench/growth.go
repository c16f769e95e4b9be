package bench

import (
	"context"
	"fmt"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// growthRound measures each step once.
func (r *run) growthRound(ctx context.Context, k *apache, steps []growing, round int) error {
	for i, g := range steps {
		if round >= g.rounds {
			continue
		}
		if err := r.round(ctx, k, g.cell, round+i, r.growthOf(g)); err != nil {
			return fmt.Errorf("bench: %s %d: %w", g.of, g.at, err)
		}
	}
	return nil
}

// growthOf is where the measurements of a step go.
func (r *run) growthOf(g growing) map[string][]results.Measurement {
	for _, known := range r.results.Growth {
		if known.Of == g.of && known.At == g.at {
			return known.Rounds
		}
	}
	rounds := map[string][]results.Measurement{}
	r.results.Growth = append(r.results.Growth, results.Growth{Of: g.of, At: g.at, Rounds: rounds})
	return rounds
}
