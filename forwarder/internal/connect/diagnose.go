package connect

import "context"

// A Diagnosis says why delivery waits, as far as one look at the brokers shows.
type Diagnosis struct {
	// Err is not nil if nothing can be delivered: a broker refuses, or none can
	// be reached.
	Err error
	// Partitions says why the messages of some partitions wait: there is no
	// leader, the leader refuses or cannot be reached, or too few replicas are in
	// sync.
	Partitions map[int32]error
}

// Of returns the cause for one partition, or nil. For -1, which stands for
// messages without a partition, it returns the cause for all partitions.
func (d Diagnosis) Of(partition int32) error {
	if d.Err != nil {
		return singleLine(d.Err)
	}
	return singleLine(d.Partitions[partition])
}

// Diagnose asks each server once, and each leader, for as long as ctx lasts.
func (p *Probe) Diagnose(ctx context.Context) Diagnosis {
	cfg, err := p.Config(ctx)
	if err != nil {
		return Diagnosis{Err: err}
	}
	v, err := p.findTopic(ctx, cfg, false, &longWait{})
	if err != nil {
		return Diagnosis{Err: err}
	}
	for i, err := range p.reachLeaders(ctx, cfg, v, false, &longWait{}) {
		if err == nil {
			continue
		}
		for _, partition := range v.leaders[i].partitions {
			v.waiting[partition] = err
		}
	}
	return Diagnosis{Partitions: v.waiting}
}
