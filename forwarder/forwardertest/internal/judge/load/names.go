package load

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/forwarder"
)

// Misnamed is the cause of an outcome that names another topic than that of the message,
// or none.
const Misnamed = "misnamed"

// An answer is what was told of an attempt.
type answer struct {
	acked []forwarder.Message
	err   error
}

func (a answer) failures() []forwarder.Failure {
	d, ok := errors.AsType[*forwarder.DeliveryError](a.err)
	if !ok {
		return nil
	}
	return d.Failures
}

// names reports whether an answer names these topics and no other: those to which the
// events of its attempt go. The text of an error names the topic of the first failure.
func (a answer) names(topics []string, d Defect) bool {
	failures := a.failures()
	if d == MisnamesTopic {
		failures = slices.Clone(failures)
		for i := range failures {
			failures[i].Topic += "-misnamed"
		}
	}
	told := map[string]bool{}
	for _, m := range a.acked {
		told[m.Topic] = true
	}
	for _, f := range failures {
		if f.Outcome != forwarder.NotSent || f.Topic != "" { // it was accepted
			told[f.Topic] = true
		}
	}
	for name := range told {
		if !slices.Contains(topics, name) {
			return false
		}
	}
	if a.err == nil && len(a.acked) > 0 && len(told) != len(topics) {
		return false // of one topic nothing was told
	}
	return len(failures) == 0 || failures[0].Topic == "" || strings.Contains(a.err.Error(), strconv.Quote(failures[0].Topic))
}

// topicsOf are the names of the topics that get any of the events from one to another.
func (p Params) topicsOf(id uint32, from, to int, first string) (names []string) {
	for _, topic := range p.EventTopics(id, from, to) {
		names = append(names, TopicName(first, topic))
	}
	return names
}
