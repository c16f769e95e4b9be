package batch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forwardedTypes are the 17 types that are forwarded.
var forwardedTypes = []string{
	ApplicationStateTransition, Breadcrumb, CommerceEvent, CrashReport, CustomEvent, FirstRun, NetworkPerformance, OptOut, Profile,
	PushMessage, PushRegistration, ScreenView, SessionEnd, SessionStart, Uninstall, UserAttributeChange, UserIdentityChange,
}

func TestEvents_types(t *testing.T) {
	assert.Len(t, forwardedTypes, 17)
	var text []string
	for _, eventType := range forwardedTypes {
		assert.True(t, IsForwarded(eventType), eventType)
		text = append(text, fmt.Sprintf(`{"data":{},"event_type":%q}`, eventType))
	}
	others := []string{
		"pre_attribution", "push_reaction", "", "custom-event", "CUSTOM EVENT", "custom_event ", "custom\x7fevent",
		"\u017fession_start", "uninst\u0430ll", "brea\u212Acrumb", "application_state_transitions",
		"a type whose name is rather long, longer than most",
	}
	for _, eventType := range others {
		assert.False(t, IsForwarded(eventType), eventType)
		text = append(text, `{"event_type":"`+eventType+`"}`)
	}
	b := parsed(t, `{"events":[`+strings.Join(text, ",")+`]}`)
	var unlisted []string
	for e := range b.UnlistedEvents() {
		unlisted = append(unlisted, e.Type())
	}
	assert.Equal(t, others, unlisted)
	for i, e := range b.Events() {
		assert.Equal(t, append(forwardedTypes, others...)[i], e.Type())
		assert.Equal(t, i, e.Index())
	}
	assert.Equal(t, 17, b.DropEvents("known", func(e Event) bool { return IsForwarded(e.Type()) }))
}

// anyCase writes ASCII letters in either case, and some as escape sequences, as the
// inside of a JSON string.
func anyCase(rng *rand.Rand, text string) (plain, quoted string) {
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			c -= 'a' - 'A'
		}
		plain += string(rune(c))
		if rng.IntN(8) == 0 {
			quoted += fmt.Sprintf(`\u%04x`, c)
		} else {
			quoted += string(rune(c))
		}
	}
	return plain, quoted
}

// Whatever the case of its letters a type is known by its constant, and no byte of
// the batch changes for that.
func TestEvents_typesInAnyCase(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"CUSTOM_EVENT"}]}`) // as the Java SDK writes it
	for _, e := range b.Events() {
		assert.Equal(t, CustomEvent, e.Type())
		text, _ := e.At("event_type").Text()
		assert.Equal(t, "CUSTOM_EVENT", text)
	}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 8))
		var want, events []string
		for range 1 + rng.IntN(6) {
			eventType := forwardedTypes[rng.IntN(len(forwardedTypes))]
			plain, text := anyCase(rng, eventType)
			require.True(t, IsForwarded(plain), plain)
			want = append(want, eventType)
			events = append(events, `{"data":{"event_type":"`+text+`"}, "event_type" :"`+text+`"}`)
		}
		text := `{"events":[` + strings.Join(events, ",") + `]}`
		b := parsed(t, text)
		for range b.UnlistedEvents() {
			assert.Fail(t, "unlisted", text)
		}
		assert.Zero(t, b.DropTypes("unlisted", func(eventType string) bool { return !IsForwarded(eventType) }))
		require.Equal(t, text, string(b.AppendJSON(nil)))
		for i, e := range b.Events() {
			require.Equal(t, want[i], e.Type(), text)
			require.Equal(t, want[i], e.ParsedType(), text)
		}
		// Nor does it matter what an edit has written.
		for i, e := range b.Clone().Events() {
			plain, _ := anyCase(rng, want[len(want)-1-i])
			require.NoError(t, e.At("event_type").Set(plain))
			require.Equal(t, want[len(want)-1-i], e.Type(), plain)
		}
		// Dropping a type drops its events, and no byte of the others changes.
		gone := want[rng.IntN(len(want))]
		var left []string
		for i, eventType := range want {
			if eventType != gone {
				left = append(left, events[i])
			}
		}
		assert.Equal(t, len(want)-len(left), dropType(b, gone), text)
		require.Equal(t, `{"events":[`+strings.Join(left, ",")+`]}`, string(b.AppendJSON(nil)))
	}
}

func TestBatch_UnlistedEvents(t *testing.T) {
	indexes := func(b *Batch) (list []int) {
		for e := range b.UnlistedEvents() {
			list = append(list, e.Index())
		}
		return list
	}
	b := parsed(t, `{"events":[{"event_type":"new"},{"event_type":"Profile"},{"event_type":"push_reaction"},{"event_type":"opt_out"},{"event_type":"x"}]}`)
	assert.Equal(t, []int{0, 2, 4}, indexes(b))
	dropType(b, "push_reaction")
	assert.Equal(t, []int{0, 4}, indexes(b))
	for range b.UnlistedEvents() {
		break
	}
	b.DropTypes("test", func(eventType string) bool { return !IsForwarded(eventType) })
	assert.Empty(t, indexes(b))
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set([]string{1: "CRASH_report", 3: "crash-report"}[e.Index()]))
	}
	assert.Equal(t, []int{3}, indexes(b), "as edited")
	assert.Empty(t, indexes(parsed(t, `{}`)))

	b = parsed(t, `{"events":[{"event_type":"profile"},{"event_type":"opt_out"}]}`)
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set([]string{"new", "opt_out"}[e.Index()]))
	}
	assert.Equal(t, []int{0}, indexes(b), "none were unlisted before")
}

// asked returns the types that DropTypes asks for, in order, and drops nothing.
func asked(b *Batch) []string {
	var list []string
	b.DropTypes("test", func(eventType string) bool {
		list = append(list, eventType)
		return false
	})
	return list
}

func dropType(b *Batch, eventType string) int {
	return b.DropTypes("test", func(other string) bool { return other == eventType })
}

func TestBatch_DropTypes(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"session_start"},{"event_type":"profile"},{"event_type":"session_start"},{"event_type":"opt\u005fout"}]}`)
	assert.Equal(t, []string{"opt_out", "profile", "session_start"}, asked(b), "each once")
	assert.Zero(t, dropType(b, "crash_report"))
	assert.Equal(t, 2, dropType(b, "session_start"))
	assert.Zero(t, dropType(b, "session_start"), "they are gone")
	assert.Equal(t, 1, dropType(b.Clone(), "opt_out"))
	assert.Equal(t, []DroppedEvents{{"test", 2}}, b.Dropped())
	assert.Equal(t, `{"events":[{"event_type":"profile"},{"event_type":"opt\u005fout"}]}`, string(b.AppendJSON(nil)))
	assert.Empty(t, asked(parsed(t, `{"events":null}`)))
}

// What has no constant is asked for with each event.
func TestBatch_DropTypes_other(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"new"},{"event_type":"profile"},{"event_type":""},{"event_type":"new"}]}`)
	assert.Zero(t, dropType(b, "newer"))
	assert.Equal(t, 2, dropType(b, "new"))
	assert.Equal(t, 1, dropType(b, ""))
	assert.Equal(t, 1, dropType(b, "profile"))
	assert.Zero(t, b.NumEvents())
}

// After an edit it is the type of now that counts.
func TestBatch_DropTypes_retyped(t *testing.T) {
	b := parsed(t, `{"events":[{"event_type":"profile"},{"event_type":"opt_out"}]}`)
	for _, e := range b.Events() {
		require.NoError(t, e.At("event_type").Set([]string{"crash_report", "new"}[e.Index()]))
	}
	for _, b := range []*Batch{b.Clone(), b} {
		assert.Zero(t, dropType(b, "profile"))
		assert.Zero(t, dropType(b, "opt_out"))
		assert.Equal(t, 1, dropType(b, "crash_report"))
		assert.Equal(t, 1, dropType(b, "new"))
	}
}
