package forwarder

import "context"

// A diagnosis is why delivery waits, as far as one look at the brokers tells.
type diagnosis struct {
	// err is why nothing can be delivered: a refusal, or that no broker can be
	// reached.
	err error
	// partitions is why messages of some partitions wait: no leader, one that
	// cannot be reached or refuses, or too few replicas in sync.
	partitions map[int32]error
}

// of returns what the diagnosis says of one partition, or nil; of -1, for
// messages without one, what it says of all of them.
func (d diagnosis) of(partition int32) error {
	if d.err != nil {
		return d.err
	}
	return d.partitions[partition]
}

// diagnose asks each server once, and each leader, for as long as ctx lasts.
func (p *probe) diagnose(ctx context.Context) diagnosis {
	cfg, err := p.credentials(ctx)
	if err != nil {
		return diagnosis{err: err}
	}
	v, err := p.find(ctx, cfg, false)
	if err != nil {
		return diagnosis{err: err}
	}
	for i, err := range p.reach(ctx, cfg, v, false) {
		if err == nil {
			continue
		}
		for _, partition := range v.leaders[i].partitions {
			v.waiting[partition] = err
		}
	}
	return diagnosis{partitions: v.waiting}
}
