package batch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
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
		runtime.GC()
		start := used()
		f()
		return used() - start
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

// Nor does it matter what else is edited between, as long as nothing can be added
// to the members that All goes through.
func TestAll_editsBetweenLinear(t *testing.T) {
	linear(t, 1_500, func(n int) func() {
		b := parsed(t, `{"x":0,"u":{"a":0`+members(n, `,"a%d":0`)+`}}`)
		return func() {
			for _, v := range b.At("u").All() {
				require.NoError(t, b.At("x").Set(1))
				require.NoError(t, v.Remove())
			}
		}
	})
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

// Edits of many members of one object by their names cost the same however many
// there are, whether it was parsed, set or added, and whoever else is edited
// meanwhile.
func TestEdits_byNameLinear(t *testing.T) {
	many := func(n int) string { return `{"z":0` + members(n, `,"m%d":0`) + `}` }
	for name, object := range map[string]func(t *testing.T, n int) Value{
		"empty": func(t *testing.T, _ int) Value { return parsed(t, `{"u":{}}`).At("u") },
		"none":  func(t *testing.T, _ int) Value { return parsed(t, `{}`).At("u") },
		"full":  func(t *testing.T, n int) Value { return parsed(t, `{"u":`+many(n)+`}`).At("u") },
		"batch": func(t *testing.T, n int) Value { return parsed(t, many(n)).At() },
		"set": func(t *testing.T, n int) Value {
			v := parsed(t, `{}`).At("u")
			require.NoError(t, v.Set(json.RawMessage(many(n))))
			return v
		},
		"data": func(t *testing.T, n int) Value {
			for _, e := range parsed(t, `{"events":[{"event_type":"x","data":`+many(n)+`}]}`).Events() {
				return e.At("data")
			}
			return Value{}
		},
	} {
		for edit, do := range map[string]func(v Value, i int) error{
			"add": func(v Value, i int) error { return v.At(fmt.Sprint("a", i)).Set(i) },
			"add and remove": func(v Value, i int) error {
				if err := v.At(fmt.Sprint("a", i)).Set(i); err != nil {
					return err
				}
				return v.At(fmt.Sprint("a", i/2)).Remove()
			},
			"set":    func(v Value, i int) error { return v.At(fmt.Sprint("m", i)).Set(i) },
			"remove": func(v Value, i int) error { return v.At(fmt.Sprint("m", i)).Remove() },
		} {
			t.Run(edit+" "+name, func(t *testing.T) {
				linear(t, 4_000, func(n int) func() {
					v := object(t, n)
					return func() {
						for i := range n {
							require.NoError(t, do(v, i))
						}
					}
				})
			})
		}
	}
}

// Nor does it matter in which order a batch is edited.
func TestEdits_inAnyOrderLinear(t *testing.T) {
	for name, do := range map[string]func(e Event) error{
		"set":    func(e Event) error { return e.At("data", "a").Set(1) },
		"remove": func(e Event) error { return e.At("data", "a").Remove() },
		"add":    func(e Event) error { return e.At("data", "c").Set(1) },
	} {
		t.Run(name, func(t *testing.T) {
			linear(t, 20_000, func(n int) func() {
				event := `{"event_type":"a","data":{"a":0,"b":0}}`
				b := parsed(t, `{"events":[`+strings.Repeat(event+`,`, n)+event+`]}`)
				var events []Event
				for _, e := range b.Events() {
					events = append(events, e)
				}
				rng := rand.New(rand.NewPCG(1, 9))
				rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				return func() {
					for _, e := range events {
						require.NoError(t, do(e))
					}
				}
			})
		})
	}
}
