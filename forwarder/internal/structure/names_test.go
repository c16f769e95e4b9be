package structure

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// sharedNames are the names that may be declared at the top of two or more
// packages of the root module, each with the reason. All others are declared
// once, so that a name means one thing wherever a reader meets it. Methods,
// fields and exported names do not count.
var sharedNames = map[string]string{}

func TestNames_meanOneThing(t *testing.T) {
	declared := map[string][]string{}
	for _, p := range loadPackages(t, rootDir) {
		declared[p.name] = p.types.Scope().Names()
	}
	for _, problem := range sharedWithoutReason(declared, sharedNames) {
		t.Error(problem)
	}
}

func TestNames_theCheckCatches(t *testing.T) {
	declared := map[string][]string{
		"one": {"entry", "Exported", "main"}, "two": {"entry", "kind", "Exported", "main"}, "three": {"kind", "entry"},
	}
	const where = " (forwarder/internal/structure/names_test.go)"
	assert.Equal(t, []string{
		"entry is declared in one, three, two: give one of them a name that says more, or a reason in sharedNames" + where,
		"kind is declared in three, two: give one of them a name that says more, or a reason in sharedNames" + where,
	}, sharedWithoutReason(declared, nil))
	assert.Empty(t, sharedWithoutReason(declared, map[string]string{"entry": "a line of a log in all", "kind": "both from Kafka"}))
	assert.Len(t, sharedWithoutReason(declared, map[string]string{"entry": "a line of a log in all", "kind": ""}), 1, "a reason is needed")
	assert.Equal(t, []string{"entry is not declared twice: take it out of sharedNames" + where},
		sharedWithoutReason(map[string][]string{"one": {"entry"}}, map[string]string{"entry": "a line of a log in all"}))
}

// sharedWithoutReason returns which unexported names are declared in two or more
// packages and have no reason, and which reasons are for no such name. declared
// has the names of each package.
func sharedWithoutReason(declared map[string][]string, reasons map[string]string) []string {
	places := map[string][]string{}
	for _, pkg := range slices.Sorted(maps.Keys(declared)) {
		for _, name := range declared[pkg] {
			if !token.IsExported(name) && name != "main" {
				places[name] = append(places[name], pkg)
			}
		}
	}
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		if len(places[name]) < 2 {
			problems = append(problems, name+" is not declared twice: take it out of sharedNames (forwarder/internal/structure/names_test.go)")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if len(places[name]) > 1 && reasons[name] == "" {
			problems = append(problems, fmt.Sprintf("%s is declared in %s: give one of them a name that says more, "+
				"or a reason in sharedNames (forwarder/internal/structure/names_test.go)", name, strings.Join(places[name], ", ")))
		}
	}
	return problems
}
