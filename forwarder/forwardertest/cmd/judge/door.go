package main

import (
	"flag"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

// doorFlag sets the door, which has other defaults.
func doorFlag(set *flag.FlagSet, o *judge.Options) {
	set.Func("door", string(judge.WebhookDoor+": batches are posted to it (default: they are given to the forwarder)"), func(name string) error {
		o.Door = judge.Door(name)
		return o.Door.Validate()
	})
}
