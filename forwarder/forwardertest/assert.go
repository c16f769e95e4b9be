package forwardertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/uniform"
)

// partHeader is on the parts of a batch that was split.
const partHeader = "eventferry-part"

const mostNamed = 5 // of what is wrong, in the text of a failure

// Member reads a member of a message's value by its path: Member("batch_id"),
// Member("context", "n"). It is what [NoLoss], [NoDuplicates] and
// [OrderedPerUser] are given to find out which batch a message is. A string is
// read as its text, everything else as its JSON; what is not there is "".
func Member(path ...string) func(Message) string {
	return func(m Message) string {
		raw := json.RawMessage(m.Value)
		for _, name := range path {
			var object map[string]json.RawMessage
			if json.Unmarshal(raw, &object) != nil {
				return ""
			}
			raw = object[name]
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
		return string(raw)
	}
}

// NoLoss fails the test unless each of the acknowledged batches is among
// messages. id tells which one a message is; a message for each event, or the
// parts of a split batch, may share one. Like all assertions here it reports
// whether it holds, and lets the test go on.
func NoLoss(t testing.TB, messages []Message, acknowledged []string, id func(Message) string) bool {
	t.Helper()
	there := map[string]bool{}
	for _, m := range messages {
		there[id(m)] = true
	}
	var lost []string
	for _, a := range acknowledged {
		if !there[a] {
			lost = append(lost, a)
		}
	}
	return none(t, "acknowledged and not in Kafka", lost)
}

// NoDuplicates fails the test if two messages have the same id. Parts of a
// split batch are told apart by their header; with send_as_batch off id must
// tell events apart.
func NoDuplicates(t testing.TB, messages []Message, id func(Message) string) bool {
	t.Helper()
	first := map[string]Message{}
	var twice []string
	for _, m := range messages {
		key := id(m)
		if part := part(m); part != "" {
			key += " part " + part
		}
		if f, ok := first[key]; ok {
			twice = append(twice, fmt.Sprintf("%s at %s and %s", key, place(f), place(m)))
			continue
		}
		first[key] = m
	}
	return none(t, "in Kafka more than once", twice)
}

// OrderedPerUser fails the test unless the numbers of each user's messages grow
// from one to the next, and unless all of them are in one partition. number
// returns the number as text; the parts of a split batch, and one batch's
// messages for each event, share theirs. Messages must be in the order of
// [Read]. Messages without a user id have no order.
func OrderedPerUser(t testing.TB, messages []Message, number func(Message) string) bool {
	t.Helper()
	type last struct {
		Message
		n int64
	}
	users := map[string]last{}
	var wrong []string
	for _, m := range messages {
		if m.Key == nil {
			continue
		}
		var n int64
		if _, err := fmt.Sscan(number(m), &n); err != nil {
			wrong = append(wrong, fmt.Sprintf("no number at %s", place(m)))
			continue
		}
		before, seen := users[string(m.Key)]
		switch {
		case !seen:
		case before.Partition != m.Partition:
			wrong = append(wrong, fmt.Sprintf("user %s at %s and %s", m.Key, place(before.Message), place(m)))
		case n < before.n || n == before.n && part(m) != "" && partNumber(m) <= partNumber(before.Message):
			wrong = append(wrong, fmt.Sprintf("user %s: %d after %d at %s", m.Key, n, before.n, place(m)))
		}
		users[string(m.Key)] = last{m, n}
	}
	return none(t, "out of order", wrong)
}

// KeylessSpread fails the test unless batches without a user id are spread
// evenly over the topic's partitions. Chance has it fail one test in a million.
// A split batch is one choice, and so is one batch's messages for each event,
// of which only the first should be among messages. Some ten batches for each
// partition are needed for an uneven spread to show.
func KeylessSpread(t testing.TB, messages []Message, partitions int) bool {
	t.Helper()
	counts := make([]int, partitions)
	for _, m := range messages {
		if m.Key != nil || partNumber(m) > 1 {
			continue
		}
		if int(m.Partition) >= partitions {
			t.Errorf("a message at %s, of %d partitions", place(m), partitions)
			return false
		}
		counts[m.Partition]++
	}
	if p := uniform.Chance(counts); p < uniform.Unlikely {
		t.Errorf("messages without user id by partition: %v, the chance of that is %.2g", counts, p)
		return false
	}
	return true
}

// none fails the test if there are wrong ones, and names the first.
func none(t testing.TB, what string, wrong []string) bool {
	t.Helper()
	if len(wrong) == 0 {
		return true
	}
	more := ""
	if len(wrong) > mostNamed {
		more = ", ..."
	}
	t.Errorf("%d %s: %s%s", len(wrong), what, strings.Join(wrong[:min(len(wrong), mostNamed)], ", "), more)
	return false
}

func place(m Message) string { return fmt.Sprintf("partition %d offset %d", m.Partition, m.Offset) }

// part returns the header of split batches, "1/3", or "".
func part(m Message) string {
	for _, h := range m.Headers {
		if h.Key == partHeader {
			return string(h.Value)
		}
	}
	return ""
}

func partNumber(m Message) (n int) {
	_, _ = fmt.Sscan(part(m), &n) // 0 without
	return n
}
