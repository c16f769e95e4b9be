package filters

import (
	"bytes"
	"context"

	"github.com/eventferry/eventferry/batch"
)

// Environment forwards batches of the environments with these names and drops all
// others, for [ReasonEnvironment]. mParticle writes "production" and
// "development"; the case of letters does not count.
//
// A batch without an environment, or with one that is repeated or no string, is
// dropped.
//
// Source: the member environment of
// https://docs.mparticle.com/developers/server/json-reference/. mParticle itself
// configures an output for each environment.
func Environment(names ...string) batch.Filter {
	var m mistakeList
	if len(names) == 0 {
		m.add("environment", "needs at least one name, such as production")
	}
	f := &environmentFilter{}
	for _, name := range names {
		if name == "" {
			m.add("environment", "has an empty name")
		}
		f.names = append(f.names, []byte(name))
	}
	return m.build(f)
}

type environmentFilter struct{ names [][]byte }

func (f *environmentFilter) Filter(_ context.Context, b *batch.Batch) error {
	if raw, ok := b.At(environmentPath...).Sole(); ok {
		if name, ok := textOf(raw); ok && f.has(name) {
			return nil
		}
	}
	return batch.Drop(ReasonEnvironment)
}

func (f *environmentFilter) has(name []byte) bool {
	for _, allowed := range f.names {
		if bytes.EqualFold(allowed, name) {
			return true
		}
	}
	return false
}
