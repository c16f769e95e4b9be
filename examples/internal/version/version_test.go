package version

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	assert.Equal(t, "unknown version, "+runtime.Version(), textOf(nil))
	info := &debug.BuildInfo{GoVersion: "go1.30"}
	assert.Equal(t, "(devel), go1.30", textOf(info))
	info.Main.Version = "v1.2.3"
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}
	assert.Equal(t, "v1.2.3, commit abc, go1.30", textOf(info))
	info.Settings = append(info.Settings, debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	assert.Equal(t, "v1.2.3, commit abc with changes, go1.30", textOf(info))
	assert.Contains(t, Text(), runtime.Version())
}
