package batch

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// oddBatch writes a batch full of repeated and escaped names, nulls and white
// space.
func oddBatch(rng *rand.Rand) []byte {
	g := oddWriter{rng: rng}
	g.s.WriteString(g.space() + "{")
	n := rng.IntN(6)
	events := rng.IntN(n + 1)
	for i := range n {
		if i > 0 {
			g.s.WriteString(g.space() + "," + g.space())
		}
		switch {
		case i == events && rng.IntN(5) > 0:
			g.s.WriteString(`"events"` + g.space() + ":" + g.space())
			g.events()
		case rng.IntN(8) == 0:
			g.s.WriteString([]string{`"mpid":7`, `"mp\u0069d":"7"`}[rng.IntN(2)])
		default:
			g.member(0)
		}
	}
	g.s.WriteString(g.space() + "}" + g.space())
	return []byte(g.s.String())
}

// oddEvents writes a batch of events with odd data.
func oddEvents(rng *rand.Rand) []byte {
	g := oddWriter{rng: rng, inData: true}
	g.s.WriteString(`{"events":`)
	g.events()
	g.s.WriteString("}")
	return []byte(g.s.String())
}

// oddWatched writes a batch with an odd context and device_info.
func oddWatched(rng *rand.Rand) []byte {
	g := oddWriter{rng: rng, holds: true}
	g.s.WriteString(g.space() + "{" + g.space())
	for i := range rng.IntN(4) {
		if i > 0 {
			g.s.WriteString(g.space() + "," + g.space())
		}
		g.member(0)
	}
	g.s.WriteString(g.space() + "}")
	return []byte(g.s.String())
}

// oddLarge writes a batch with large objects in it.
func oddLarge(rng *rand.Rand) []byte {
	g := oddWriter{rng: rng, large: true}
	g.s.WriteString("{")
	for i := range 2 + rng.IntN(60) {
		if i > 0 {
			g.s.WriteString("," + g.space())
		}
		g.member(0)
	}
	g.s.WriteString("}")
	return []byte(g.s.String())
}

type oddWriter struct {
	rng    *rand.Rand
	s      strings.Builder
	inData bool // most members are data or what the index knows of it
	holds  bool // most members are those of the batch that the index knows more of
	large  bool // objects have many members
}

func (g *oddWriter) space() string {
	return []string{"", "", "", " ", "\n\t"}[g.rng.IntN(5)]
}

func (g *oddWriter) events() {
	g.s.WriteString("[" + g.space())
	for i := range g.rng.IntN(5) {
		if i > 0 {
			g.s.WriteString(g.space() + "," + g.space())
		}
		g.s.WriteString("{" + g.space())
		for range g.rng.IntN(3) {
			g.member(0)
			g.s.WriteString(g.space() + "," + g.space())
		}
		g.s.WriteString(`"event_type":"custom_event"`)
		if g.rng.IntN(3) == 0 {
			g.s.WriteString(`,"event\u005ftype":"custom\u005fevent"`)
		}
		g.s.WriteString(g.space() + "}")
	}
	g.s.WriteString(g.space() + "]")
}

func (g *oddWriter) member(depth int) {
	names := []string{`"a"`, `"a"`, `"\u0061"`, `"b"`, `"data"`, `"d\u0061ta"`, `"é\n"`, `"a.b"`}
	switch {
	case g.large:
		names = []string{`"a"`, `"\u0061"`, `"b"`, fmt.Sprintf(`"f%d"`, g.rng.IntN(40)), fmt.Sprintf(`"f%d"`, g.rng.IntN(40)), fmt.Sprintf(`"f\u003%d"`, g.rng.IntN(10))}
	case g.inData && depth == 0:
		names = []string{`"data"`, `"data"`, `"data"`, `"d\u0061ta"`, `"a"`}
	case g.inData:
		names = []string{`"location"`, `"location"`, `"lo\u0063ation"`, `"event_name"`, `"\u0065vent_name"`, `"a"`, `"a\""`}
	case g.holds && depth == 0:
		names = []string{`"context"`, `"device_info"`, `"context"`, `"device_info"`, `"\u0063ontext"`, `"a"`, `""`}
	case g.holds:
		names = []string{`"location"`, `"device"`, `"location"`, `"device"`, `"devic\u0065"`, `"a"`, `"b"`}
	}
	name := names[g.rng.IntN(len(names))]
	g.s.WriteString(name + g.space() + ":" + g.space())
	g.value(depth)
}

func (g *oddWriter) value(depth int) {
	kind := g.rng.IntN(8)
	if depth > 3 {
		kind = g.rng.IntN(5)
	}
	if g.holds && depth == 0 && g.rng.IntN(4) > 0 {
		kind = 5
	}
	switch kind {
	default:
		g.s.WriteString([]string{"1", "-0.10e+2", `"x\/y"`, `"\ud83d\ude00é"`, "null"}[kind])
	case 5, 6:
		g.s.WriteString("{" + g.space())
		members := 4
		if g.large && depth == 0 {
			members = 80
		}
		for i := range g.rng.IntN(members) {
			if i > 0 {
				g.s.WriteString("," + g.space())
			}
			g.member(depth + 1)
			g.s.WriteString(g.space())
		}
		g.s.WriteString("}")
	case 7:
		g.s.WriteString("[" + g.space())
		for i := range g.rng.IntN(4) {
			if i > 0 {
				g.s.WriteString("," + g.space())
			}
			g.value(depth + 1)
			g.s.WriteString(g.space())
		}
		g.s.WriteString("]")
	}
}
