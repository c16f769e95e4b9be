package refusals

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An itemSet holds items of REFUSALS.md.
type itemSet struct {
	mu    sync.Mutex
	items map[string]bool
}

// reached holds the items whose text a forwarder has returned or told in this run.
var reached = itemSet{items: map[string]bool{}}

func (s *itemSet) add(item string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item] = true
}

func (s *itemSet) has(item string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items[item]
}

// heldElsewhere are the items that this package does not reach, each with the
// reason and the test that holds its text.
var heldElsewhere = map[string]string{
	"SERVER refused user NAME with GSSAPI: its credentials are wrong or have expired, or the broker's jaas configuration does not accept them": "" +
		"needs a Kerberos server: TestExplain of connect",
}

// needApacheKafka are the items that this package reaches with Apache Kafka only,
// each with the reason.
var needApacheKafka = map[string]string{
	"SERVER does not let user NAME write to topic NAME: grant it the operation WRITE": "needs the rights of KIP-430, which kfake does not tell",
}

// unheld returns what is wrong with the items: one that was neither reached nor
// listed, one that is listed and was reached, and a list that names none.
func unheld(listed []string, reached func(string) bool, elsewhere, withApacheKafka map[string]string, apacheKafkaRan bool) (wrong []string) {
	for _, item := range listed {
		_, isElsewhere := elsewhere[item]
		_, needsApache := withApacheKafka[item]
		switch hit := reached(item); {
		case hit && isElsewhere:
			wrong = append(wrong, "is reached, and listed as held elsewhere: "+item)
		case !hit && !isElsewhere && (!needsApache || apacheKafkaRan):
			wrong = append(wrong, "is not reached: "+item)
		}
	}
	for _, list := range []map[string]string{elsewhere, withApacheKafka} {
		for item, why := range list {
			if !slices.Contains(listed, item) {
				wrong = append(wrong, "is not in forwarder/REFUSALS.md: "+item)
			}
			if why == "" {
				wrong = append(wrong, "is without a reason: "+item)
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// unheldItems is unheld for this run, unless it was to run some tests only.
func unheldItems() []string {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return nil
		}
	}
	listed, err := readRefusals()
	if err != nil {
		return []string{err.Error()}
	}
	wrong := unheld(listed, reached.has, heldElsewhere, needApacheKafka, apacheKafkaRan.Load())
	before, err := beforeDelivery()
	if err != nil {
		return []string{err.Error()}
	}
	elsewhere := maps.Clone(notByDiagnose)
	for item, why := range heldElsewhere {
		if slices.Contains(before, item) {
			elsewhere[item] = why
		}
	}
	for _, problem := range unheld(before, byDiagnose.has, elsewhere, needApacheKafka, apacheKafkaRan.Load()) {
		wrong = append(wrong, "Diagnose: "+problem)
	}
	return wrong
}

// report says what is wrong with the items, and returns the code to exit with.
func report(wrong []string) int {
	if len(wrong) == 0 {
		return 0
	}
	fmt.Printf("items of forwarder/REFUSALS.md:\n\t%s\n", strings.Join(wrong, "\n\t")) //nolint:forbidigo // there is no test to fail any more
	return 1
}

// TestUnheld: each way in which the items and the lists can disagree is found.
func TestUnheld(t *testing.T) {
	const item = "no topic"
	no, yes := func(string) bool { return false }, func(string) bool { return true }
	list := map[string]string{item: "a reason"}
	for name, tt := range map[string]struct {
		reached                func(string) bool
		elsewhere, apacheKafka map[string]string
		apacheKafkaRan         bool
		want                   []string
	}{
		"reached":                   {reached: yes},
		"neither":                   {reached: no, want: []string{"is not reached: no topic"}},
		"held elsewhere":            {reached: no, elsewhere: list},
		"listed in vain":            {reached: yes, elsewhere: list, want: []string{"is reached, and listed as held elsewhere: no topic"}},
		"without Apache Kafka":      {reached: no, apacheKafka: list},
		"with Apache Kafka, missed": {reached: no, apacheKafka: list, apacheKafkaRan: true, want: []string{"is not reached: no topic"}},
		"no item":                   {reached: yes, elsewhere: map[string]string{"other": "why"}, want: []string{"is not in forwarder/REFUSALS.md: other"}},
		"no reason":                 {reached: no, elsewhere: map[string]string{item: ""}, want: []string{"is without a reason: no topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, unheld([]string{item}, tt.reached, tt.elsewhere, tt.apacheKafka, tt.apacheKafkaRan))
		})
	}
}
