package judge

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
)

// An administrator calls do with a client that may change topics.
type administrator func(do func(*kadm.Client) error) error

// grow adds partitions to the topic, within the function that change is given, and waits
// until one of them is used. look is called again and again meanwhile.
func (r *run) grow(ctx context.Context, admin administrator, change func(add func() error) error, look func()) error {
	if err := r.more(ctx); err != nil {
		return err
	}
	name, from, to := r.testbed.settings.TopicName, r.testbed.partitions[0], r.testbed.partitions[1]
	err := change(func() error {
		return admin(func(a *kadm.Client) error {
			answers, err := a.UpdatePartitions(ctx, int(to), name)
			if err == nil {
				err = answers.Error()
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	used, err := r.eventually(ctx, func() (used bool, err error) {
		look()
		err = admin(func(a *kadm.Client) error {
			ends, err := a.ListEndOffsets(ctx, name)
			ends.Each(func(o kadm.ListedOffset) { used = used || o.Partition >= from && o.Offset > 0 })
			return err
		})
		return used, err
	})
	if err == nil && !used {
		r.checker.add(NoProgress, noAttempt(), "no new partition is used %s after they were added", scenarioTimeout)
	}
	return err
}
