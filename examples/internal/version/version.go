// Package version says what a program was built of.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Text returns the module's version, the commit, and the Go that built the program, as
// far as they are known: a build outside of a checkout knows no commit.
func Text() string {
	info, _ := debug.ReadBuildInfo()
	return textOf(info)
}

func textOf(info *debug.BuildInfo) string {
	if info == nil {
		return "unknown version, " + runtime.Version()
	}
	known := map[string]string{}
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	text := cmp.Or(info.Main.Version, "(devel)")
	if commit := known["vcs.revision"]; commit != "" {
		text += ", commit " + commit
	}
	if known["vcs.modified"] == "true" {
		text += " with changes"
	}
	return fmt.Sprintf("%s, %s", text, cmp.Or(info.GoVersion, runtime.Version()))
}
