package bench

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// pools are the messages of each kind of work, made once.
type pools struct {
	dir  string
	made map[string]*pool
}

type pool struct {
	path  string
	items []*work.Item
}

// distinct is the least number of different messages, each of its own user.
const distinct = 256

// of returns the pool for c: so many messages that every caller has its own.
func (p *pools) of(ctx context.Context, c cell) (*pool, error) {
	n := max(distinct, c.callers*c.group)
	name := fmt.Sprintf("%d-%t-%d.pool", c.size.Events, c.size.Small, n)
	if made := p.made[name]; made != nil {
		return made, nil
	}
	items, err := work.Make(ctx, c.size, n)
	if err != nil {
		return nil, err
	}
	made := &pool{filepath.Join(p.dir, name), items}
	if err := work.Save(made.path, items); err != nil {
		return nil, err
	}
	p.made[name] = made
	return made, nil
}
