package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// linear checks that what takes work on something of size n takes about four
// times as long on something four times as large. Where each step looks at
// everything it takes sixteen times as long, and far more than the second that
// is allowed anyway, as slow machines must not fail.
func linear(t *testing.T, n int, work func(n int) func()) {
	t.Helper()
	took := func(n int) time.Duration {
		f := work(n)
		start := time.Now()
		f()
		return time.Since(start)
	}
	const tries = 5
	var small, large time.Duration
	for range tries {
		if small, large = took(n), took(4*n); large <= time.Second || large <= 8*small {
			return
		}
	}
	assert.Fail(t, "not linear", "%d: %v, %d: %v", n, small, 4*n, large)
}

// members writes n members, each with its number in format.
func members(n int, format string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, format, i)
	}
	return s.String()
}

// Neither an event with many edits nor much space before one is looked at again
// for each part that begins with it.
func TestEventsSize_linear(t *testing.T) {
	for name, first := range map[string]func(n int) string{
		"edits": func(n int) string {
			return `{"event_type":"a","data":{"a":0` + members(n, `,"location":%d,"b":0`) + `}}`
		},
		"space": func(n int) string { return `{"event_type":"a"}` + strings.Repeat(" ", 20*n) },
	} {
		t.Run(name, func(t *testing.T) {
			linear(t, 15_000, func(n int) func() {
				b := parsed(t, `{"events":[{"event_type":"a"},`+first(n)+strings.Repeat(`,{"event_type":"a"}`, n)+`]}`)
				for _, e := range b.Events() {
					require.NoError(t, e.At("data", "location").Remove())
				}
				return func() {
					for to := 3; to <= b.NumEvents(); to++ {
						b.EventsSize(1, to)
						b.EventsSize(2, to)
					}
				}
			})
		})
	}
}

// Editing each of many members costs the same whatever names are repeated.
func TestAll_editsLinear(t *testing.T) {
	for name, text := range map[string]func(n int) string{
		"unlike":           func(n int) string { return `{"u":{"a":0` + members(n, `,"a%d":0`) + `}}` },
		"one twice":        func(n int) string { return `{"u":{"a":0` + members(n, `,"a%d":0`) + `,"a":0}}` },
		"each twice":       func(n int) string { return `{"u":{"a":0` + members(n/2, `,"a%d":0`) + members(n/2, `,"a%d":0`) + `}}` },
		"all alike":        func(n int) string { return `{"u":{"a":0` + members(n, `,"a":%d`) + `}}` },
		"repeated parents": func(n int) string { return `{"u":{"a":0` + members(n, `,"a%d":0`) + `},"u":{"a":1}}` },
	} {
		for edit, f := range map[string]func(v Value) error{
			"set":    func(v Value) error { return v.Set("x") },
			"remove": Value.Remove,
		} {
			t.Run(edit+" "+name, func(t *testing.T) {
				linear(t, 8_000, func(n int) func() {
					b := parsed(t, text(n))
					return func() {
						for _, v := range b.At("u").All() {
							require.NoError(t, f(v))
						}
					}
				})
			})
		}
	}
}

// Passes of edits over all events cost the same whatever was edited before, and
// in whichever direction they go.
func TestEdits_passesLinear(t *testing.T) {
	for name, passes := range map[string]func(events []Event){
		"forwards": func(events []Event) {
			for _, name := range []string{"a", "c", "b"} {
				for _, e := range events {
					_ = e.At("data", name).Set(1)
				}
			}
		},
		"backwards": func(events []Event) {
			for i := range events {
				_ = events[len(events)-1-i].At("data", "c").Remove()
			}
			for i := range events {
				_ = events[len(events)-1-i].At("data", "a").Remove()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			linear(t, 25_000, func(n int) func() {
				event := `{"event_type":"a","data":{"a":0,"b":0,"c":0}}`
				b := parsed(t, `{"events":[`+strings.Repeat(event+`,`, n)+event+`]}`)
				var events []Event
				for _, e := range b.Events() {
					events = append(events, e)
				}
				return func() { passes(events) }
			})
		})
	}
}

func TestAll_removeFromTheBackLinear(t *testing.T) {
	linear(t, 20_000, func(n int) func() {
		b := parsed(t, `{"a":[0`+strings.Repeat(`,0`, n)+`]}`)
		var elements []Value
		for _, v := range b.At("a").All() {
			elements = append(elements, v)
		}
		return func() {
			for i := range elements {
				require.NoError(t, elements[len(elements)-1-i].Remove())
			}
		}
	})
}

// Members that edits added and removed again leave nothing behind.
func TestSet_roundsLinear(t *testing.T) {
	linear(t, 10_000, func(n int) func() {
		b := parsed(t, `{"u":{}}`)
		return func() {
			for range n {
				require.NoError(t, b.At("u", "a").Set(1))
				require.NoError(t, b.At("u", "a").Remove())
			}
		}
	})
}
