package main

import (
	"flag"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

// spoolFlags set what is about a spool.
func spoolFlags(set *flag.FlagSet, o *judge.Options) {
	set.BoolVar(&o.Spool, "spool", o.Spool, "forward through a spool: the process is killed every 0.3 to 3 s, and all that was stored is in Kafka once and in order; other goals are the default then")
	set.DurationVar(&o.Window, "window", o.Window, "for which the batches of a device gather, with a spool: every event is in Kafka once and in order, and no message says what no batch said")
	set.IntVar(&o.Goals.BrokerKills, "broker-kills", o.Goals.BrokerKills, "of brokers of Apache Kafka at least, with a spool")
}
