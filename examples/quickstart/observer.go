package main

import (
	"context"
	"slices"
	"sync"

	"github.com/eventferry/eventferry/forwarder"
)

// An observer keeps the outcome of each batch.
type observer struct {
	mu    sync.Mutex
	infos []forwarder.ForwardInfo
}

func (o *observer) done(_ context.Context, info forwarder.ForwardInfo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.infos = append(o.infos, info)
}

// all returns one entry per batch, in their order.
func (o *observer) all() []forwarder.ForwardInfo {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.infos)
}
