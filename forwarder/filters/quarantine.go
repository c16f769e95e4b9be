package filters

import (
	"slices"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// Blocked is what [DataPlan] blocks of one batch. mParticle calls what receives it
// a quarantine connection.
type Blocked struct {
	// Batch is the batch as it came to the filter. It is a copy: keep it freely.
	Batch *batch.Batch

	// Events are the events that are dropped, by batch.Event.Index.
	Events []int

	// EventAttributes are the attributes that are removed from events that stay.
	EventAttributes []BlockedAttributes

	// UserAttributes are the names of the user's attributes that are removed.
	UserAttributes []string
}

// BlockedAttributes are attributes that are removed from one event.
type BlockedAttributes struct {
	Event int      // by batch.Event.Index
	Paths []string // as mParticle writes them: "./data/custom_attributes/color"
}

// Record returns the batch as mParticle's quarantine connections write it, as
// JSON: context.data_plan.block_metadata says what was blocked. There events go by
// their event_id; blocked_event_indexes, which mParticle does not write, lists the
// positions of those that are dropped, counted from 0, for events without an id.
//
// Source: https://github.com/mParticle/quarantine-replay-scripts
// (nodejs/example_quarantine_batch.json).
func (q Blocked) Record() ([]byte, error) {
	type attributes struct {
		EventID string   `json:"event_id"`
		Paths   []string `json:"event_attributes"`
	}
	metadata := struct {
		Version         int          `json:"dto_version"`
		EventIDs        []string     `json:"blocked_event_ids"`
		EventIndexes    []int        `json:"blocked_event_indexes"`
		EventAttributes []attributes `json:"blocked_event_attributes"`
		UserAttributes  []string     `json:"blocked_user_attributes"`
	}{
		Version: 1, EventIDs: []string{}, EventIndexes: append([]int{}, q.Events...), // never null
		EventAttributes: []attributes{}, UserAttributes: append([]string{}, q.UserAttributes...),
	}

	ids := map[int]string{}
	for _, e := range q.Batch.Events() {
		if text, ok := scalarText(e.At("data", "event_id").Raw()); ok {
			ids[e.Index()] = string(text)
		}
	}
	for _, i := range q.Events {
		if id, ok := ids[i]; ok {
			metadata.EventIDs = append(metadata.EventIDs, id)
		}
	}
	for _, a := range q.EventAttributes {
		metadata.EventAttributes = append(metadata.EventAttributes, attributes{ids[a.Event], a.Paths})
	}
	b := q.Batch.Clone()
	if err := b.At("context", "data_plan", "block_metadata").Set(metadata); err != nil {
		return nil, err
	}
	return b.AppendJSON(nil), nil
}

// blocked describes the verdict for a quarantine.
func (v *planVerdict) blocked(f *dataPlanFilter, b *batch.Batch) Blocked {
	q := Blocked{Batch: b.Clone()}
	for _, e := range q.Batch.Events() {
		i := e.Index()
		if v.events[i] != "" {
			q.Events = append(q.Events, i)
		} else if point := v.attributes[i]; point != nil {
			a := BlockedAttributes{Event: i}
			point.eachUnplanned(e, func(path []string, _ batch.Value) {
				a.Paths = append(a.Paths, "./"+strings.Join(path, "/"))
			})
			q.EventAttributes = append(q.EventAttributes, a)
		}
	}
	if v.user {
		f.plan.user.eachUnplanned(q.Batch.At(userAttributesPath...), nil, func(path []string, _ batch.Value) {
			q.UserAttributes = append(q.UserAttributes, path...)
		})
	}
	return q
}

// pathTo returns a path with more names behind it.
func pathTo(path []string, names ...string) []string { return slices.Concat(path, names) }

func indexText(i int) string { return strconv.Itoa(i) }
