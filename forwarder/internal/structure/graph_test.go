package structure

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A graph has for each node the nodes that it points to.
type graph map[string][]string

// largestKnot returns the largest set of nodes that all reach each other,
// sorted. A node by itself is the smallest.
func (g graph) largestKnot() []string {
	reached := map[string]map[string]bool{}
	for node := range g {
		reached[node] = g.reachableFrom(node)
	}
	var largest []string
	for _, a := range slices.Sorted(maps.Keys(g)) {
		knot := []string{a}
		for b := range g {
			if a != b && reached[a][b] && reached[b][a] {
				knot = append(knot, b)
			}
		}
		if len(knot) > len(largest) {
			largest = knot
		}
	}
	slices.Sort(largest)
	return largest
}

func (g graph) reachableFrom(node string) map[string]bool {
	reached := map[string]bool{}
	for next := []string{node}; len(next) > 0; {
		node, next = next[len(next)-1], next[:len(next)-1]
		for _, to := range g[node] {
			if !reached[to] {
				reached[to] = true
				next = append(next, to)
			}
		}
	}
	return reached
}

func TestGraph_largestKnot(t *testing.T) {
	for name, tc := range map[string]struct {
		graph graph
		want  []string
	}{
		"empty":               {graph{}, nil},
		"no circle":           {graph{"a": {"b"}, "b": {"c"}, "c": nil}, []string{"a"}},
		"two":                 {graph{"a": {"b"}, "b": {"a"}, "c": {"a"}}, []string{"a", "b"}},
		"a long way round":    {graph{"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"a"}, "e": {"a"}}, []string{"a", "b", "c", "d"}},
		"the larger of two":   {graph{"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"e"}, "e": {"c"}}, []string{"c", "d", "e"}},
		"circles that touch":  {graph{"a": {"b"}, "b": {"a", "c"}, "c": {"b"}}, []string{"a", "b", "c"}},
		"pointing out and in": {graph{"a": {"b", "c"}, "b": {"c"}, "c": nil}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, tc.graph.largestKnot()) })
	}
}
