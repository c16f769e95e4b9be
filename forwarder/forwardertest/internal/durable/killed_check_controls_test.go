package durable

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

// The check finds each thing that can be wrong, and nothing else.
func TestCheck_finds(t *testing.T) {
	one, two := batchID{7, 1}, batchID{7, 2}
	several := batchID{8, 1}
	for several.events() < 3 {
		several.number++
	}
	swapped := messageOf(t, one, 0, 2)
	swapped.Value[len(swapped.Value)-6] ^= 1 // a letter of the last event
	early := messageOf(t, two, 4, 0)
	early.Timestamp = early.Timestamp.Add(-time.Second)
	cut := messageOf(t, several, 0, 3)
	cut.Value = fmt.Appendf(nil, `{"batch_id":"%s","place":0,"events":[%s]}`, several.text(), several.event(0))
	strange, foreign := messageOf(t, one, 0, 2), messageOf(t, one, 0, 2)
	strange.Value = bytes.Replace(strange.Value, []byte(`"place":0`), []byte(`"place":1`), 1)
	foreign.Value = bytes.Replace(foreign.Value, []byte(one.text()), []byte(two.text()), 1)
	good := []forwardertest.Message{messageOf(t, one, 0, 0), messageOf(t, two, 0, 1)}
	for name, c := range map[string]struct {
		messages []forwardertest.Message
		stored   []batchID
		refused  []eventID
		growths  int
		want     findings
	}{
		"nothing":            {good, []batchID{one, two}, nil, 0, findings{}},
		"not reported":       {good, nil, nil, 0, findings{}},
		"lost":               {good[:1], []batchID{one, two}, nil, 0, findings{Lost: two.events()}},
		"refused":            {nil, []batchID{{7, 3}}, eventsOf(batchID{7, 3}), 0, findings{}},
		"twice":              {append(good, messageOf(t, two, 0, 2)), nil, nil, 0, findings{Twice: two.events()}},
		"out of order":       {[]forwardertest.Message{messageOf(t, two, 0, 0), messageOf(t, one, 0, 1)}, nil, nil, 0, findings{Disorder: 1}},
		"moved":              {[]forwardertest.Message{good[0], messageOf(t, two, 4, 0)}, nil, nil, 1, findings{}},
		"moved for nothing":  {[]forwardertest.Message{good[0], messageOf(t, two, 4, 0)}, nil, nil, 0, findings{Disorder: 1}},
		"moved too early":    {[]forwardertest.Message{good[0], early}, nil, nil, 1, findings{Disorder: 1}},
		"altered":            {[]forwardertest.Message{swapped}, nil, nil, 0, findings{Altered: 1, Cut: one.events() - 1}},
		"strange":            {[]forwardertest.Message{strange}, nil, nil, 0, findings{Strange: one.events()}},
		"of another batch":   {[]forwardertest.Message{foreign}, nil, nil, 0, findings{Strange: 1}},
		"cut":                {[]forwardertest.Message{cut}, nil, nil, 0, findings{Cut: several.events() - 1}},
		"of another user":    {[]forwardertest.Message{{Key: []byte("1"), Value: good[0].Value}}, nil, nil, 0, findings{Altered: one.events()}},
		"not a batch at all": {[]forwardertest.Message{{Value: []byte("{}")}}, nil, nil, 0, findings{Altered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			stored, refused := map[batchID]bool{}, map[eventID]bool{}
			for _, id := range c.stored {
				stored[id] = true
			}
			for _, e := range c.refused {
				refused[e] = true
			}
			got := check(c.messages, stored, refused, c.growths)
			assert.Equal(t, c.want, got.wrong(), "%v", got.first)
		})
	}
}

// Of a batch in two topics, what one of them lacks is found, and between topics there
// is no order.
func TestCheckTopics_finds(t *testing.T) {
	one, two := batchID{7, 1}, batchID{7, 2}
	for one.events() < 2 {
		one.number--
	}
	first, second := messageOf(t, one, 0, 0), messageOf(t, two, 0, 0)
	half, rest := first, first
	half.Value = fmt.Appendf(nil, `{"batch_id":"%s","place":%d,"events":[%s]}`, one.text(), one.place(), one.event(0))
	rest.Value = fmt.Appendf(nil, `{"batch_id":"%s","place":%d,"events":[`, one.text(), one.place())
	for i := 1; i < one.events(); i++ {
		rest.Value = append(rest.Value, one.event(i)...)
		rest.Value = append(rest.Value, ',')
	}
	rest.Value = append(rest.Value[:len(rest.Value)-1], "]}"...)
	for name, c := range map[string]struct {
		topics [2][]forwardertest.Message
		want   findings
	}{
		"nothing":             {[2][]forwardertest.Message{{half}, {rest}}, findings{}},
		"the other way":       {[2][]forwardertest.Message{{second}, {half, rest}}, findings{}},
		"only in the first":   {[2][]forwardertest.Message{{half}, nil}, findings{Cut: one.events() - 1}},
		"only in the second":  {[2][]forwardertest.Message{nil, {rest}}, findings{Cut: 1}},
		"in both":             {[2][]forwardertest.Message{{first}, {half}}, findings{Twice: 1}},
		"out of order in one": {[2][]forwardertest.Message{nil, {second, half, rest}}, findings{Disorder: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got := checkTopics(c.topics[:], nil, nil, 0)
			assert.Equal(t, c.want, got.wrong(), "%v", got.first)
		})
	}
}

func messageOf(t *testing.T, id batchID, partition int32, offset int64) forwardertest.Message {
	t.Helper()
	b, err := id.batch()
	require.NoError(t, err)
	return forwardertest.Message{
		Partition: partition, Offset: offset, Key: fmt.Append(nil, id.user+1), Value: b.AppendJSON(nil), Timestamp: time.UnixMilli(1e12),
	}
}

func eventsOf(id batchID) []eventID {
	var list []eventID
	for i := range id.events() {
		list = append(list, eventID{id, i})
	}
	return list
}
