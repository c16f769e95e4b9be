package results

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
)

// outdated returns the runs that have not measured the code at hand, by when they began.
func outdated(runs []*Results, now hotpath.Sources) map[string][]string {
	old := map[string][]string{}
	for _, r := range runs {
		if !r.IsOf(Code{HotPath: now}) {
			old[r.Began] = r.Code.HotPath.Changed(now)
		}
	}
	return old
}

// The figures that are published are of the code that there is.
func TestCommitted_isOfThisCode(t *testing.T) {
	runs, err := LoadAll("../../results/runs")
	require.NoError(t, err)
	now, err := hotpath.Read("../../../../..")
	require.NoError(t, err)
	for began, changed := range outdated(runs, now) {
		assert.Fail(t, "the figures are older than the code: measure anew, as README.md says", "run of %s; changed since: %v", began, changed)
	}
}

// The check above finds a run from before a file was changed, added or removed, and one
// that does not say what it has measured.
func TestCommitted_outdatedIsFound(t *testing.T) {
	now, err := hotpath.Read("../../../../..")
	require.NoError(t, err)
	const file = "batch/parse.go"
	require.Contains(t, now, file)
	changed, added, removed := maps.Clone(now), maps.Clone(now), maps.Clone(now)
	changed[file] = "000000000000"
	delete(added, file)
	removed["batch/gone.go"] = "000000000000"
	runs := []*Results{
		{Began: "same", Code: Code{HotPath: now}}, {Began: "changed", Code: Code{HotPath: changed}},
		{Began: "added", Code: Code{HotPath: added}}, {Began: "removed", Code: Code{HotPath: removed}}, {Began: "not told"},
	}
	old := outdated(runs, now)
	assert.Equal(t, []string{file}, old["changed"])
	assert.Equal(t, []string{file}, old["added"])
	assert.Equal(t, []string{"batch/gone.go"}, old["removed"])
	assert.NotEmpty(t, old["not told"])
	assert.Len(t, old, 4)
}
