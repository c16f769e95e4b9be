package main

import (
	"flag"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

// routesFlag sets to how many topics events go.
func routesFlag(set *flag.FlagSet, o *judge.Options) {
	set.IntVar(&o.Routes, "routes", o.Routes, "topics to which events are routed, at least 2; a batch has events for one or two of them (default: one topic, without routes)")
}
