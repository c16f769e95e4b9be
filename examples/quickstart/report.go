package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// A message holds the columns that are printed of one message.
type message struct {
	partition     int32
	offset        int64 // -1: the broker did not say
	key           string
	events, bytes int
}

const noKey = "none"

// acknowledged lists, batch by batch, the messages that the forwarder reports as
// acknowledged.
func acknowledged(batches []*batch.Batch, infos []forwarder.ForwardInfo) [][]message {
	all := make([][]message, len(infos))
	for i, info := range infos {
		key := noKey
		if id, ok := batches[i].UserID(); ok {
			key = strconv.FormatInt(id, 10)
		}
		for _, m := range info.Messages {
			all[i] = append(all[i], message{m.Partition, m.Offset, key, m.Events, m.Bytes})
		}
	}
	return all
}

// report prints, batch by batch, a line for each message and each thing left
// out, and then the totals.
func report(out io.Writer, sent [][]message, infos []forwarder.ForwardInfo, took time.Duration) {
	messages, events, bytes, dropped := 0, 0, 0, 0
	for i, info := range infos {
		for _, m := range sent[i] {
			fmt.Fprintf(out, "batch %d  partition %d  offset %d  key %s  events %d  bytes %d\n", i+1, m.partition, m.offset, m.key, m.events, m.bytes)
			messages, events, bytes = messages+1, events+m.events, bytes+m.bytes
		}
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
		count(len(infos), "batch"), count(messages, "message"), count(events, "event"), bytes,
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
