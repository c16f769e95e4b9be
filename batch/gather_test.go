package batch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBatch_CutEvents(t *testing.T) {
	for text, want := range map[string][3]string{
		`{"events":[]}`:        {`{"events":[`, ``, `]}`},
		`{"events":[ ],"a":1}`: {`{"events":[`, ``, `],"a":1}`},
		` { "a" : 1 , "events" : [ {"event_type":"x"} , {"event_type":"y"}
 ] } `: {` { "a" : 1 , "events" : [`, `{"event_type":"x"} , {"event_type":"y"}`, `] } `},
		`{"\u0065vents":[{"event_type":"x"}]}`: {`{"\u0065vents":[`, `{"event_type":"x"}`, `]}`},
	} {
		before, events, after, ok := mustParse([]byte(text)).CutEvents()
		assert.True(t, ok, text)
		assert.Equal(t, want, [3]string{string(before), string(events), string(after)}, text)
	}
	for _, text := range []string{`{}`, `{"events":null}`, `{"a":{"events":[]}}`} {
		_, _, _, ok := mustParse([]byte(text)).CutEvents()
		assert.False(t, ok, text)
	}
}

func TestBatch_CutEvents_changesNothingOutside(t *testing.T) {
	data := []byte(`{"events":[{"event_type":"x"}],"a":1}`)
	before, events, _, _ := mustParse(data).CutEvents()
	_ = append(before, '!')
	_ = append(events, '!')
	assert.Equal(t, `{"events":[{"event_type":"x"}],"a":1}`, string(data))
}

func TestBatch_Members(t *testing.T) {
	text := `{"mpid" : 7,"\u0061":[1, 2],"a":null,"events":[],"":{}}`
	var names, texts []string
	b := mustParse([]byte(text))
	for name, text := range b.Members() {
		names, texts = append(names, name), append(texts, string(text))
	}
	assert.Equal(t, []string{"mpid", "a", "a", "events", ""}, names)
	assert.Equal(t, text, "{"+strings.Join(texts, ",")+"}")
	for range b.Members() {
		break
	}
}
