package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// A message is what is shown of one message.
type message struct {
	partition     int32
	offset        int64 // -1: the broker did not tell
	key           string
	events, bytes int
}

const noKey = "none"

// acknowledged lists the messages that Kafka has by word of the forwarder.
func acknowledged(batches []*batch.Batch, infos []forwarder.ForwardInfo) []message {
	var all []message
	for i, info := range infos {
		key := noKey
		if id, ok := batches[i].UserID(); ok {
			key = strconv.FormatInt(id, 10)
		}
		for _, m := range info.Messages {
			all = append(all, message{m.Partition, m.Offset, key, m.Events, m.Bytes})
		}
	}
	return all
}

// report prints a line for each message and each thing left out, and totals.
func report(out io.Writer, messages []message, infos []forwarder.ForwardInfo, took time.Duration) {
	events, bytes, dropped := 0, 0, 0
	for _, m := range messages {
		fmt.Fprintf(out, "partition %d  offset %d  key %s  events %d  bytes %d\n", m.partition, m.offset, m.key, m.events, m.bytes)
		events, bytes = events+m.events, bytes+m.bytes
	}
	for i, info := range infos {
		for _, d := range info.Dropped {
			what := count(d.Events, "event")
			if d.Batch {
				what = "the batch"
			}
			fmt.Fprintf(out, "batch %d  dropped %s: %s (%s)\n", i+1, what, d.Reason, d.Filter)
			dropped += d.Events
		}
	}
	fmt.Fprintf(out, "%s, %s, %s, %d bytes, %s dropped, %s\n",
		count(len(infos), "batch"), count(len(messages), "message"), count(events, "event"), bytes,
		count(dropped, "event"), took.Round(time.Millisecond))
}

func count(n int, what string) string {
	switch {
	case n == 1:
	case what == "batch":
		what = "batches"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
