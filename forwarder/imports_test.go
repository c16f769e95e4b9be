package forwarder_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the path of the root module.
const root = "github.com/eventferry/eventferry"

// directions says, for each package of the root module, which others of ours
// it may need, directly or through others. Names are below the module's path.
// A name that ends in "/..." stands for itself and all below it, in both
// columns; the longest name that fits decides.
var directions = map[string][]string{
	"batch":                  {},
	"settings":               {},
	"partition":              {},
	"auth":                   {"settings"},
	"forwarder/internal/...": {"batch", "settings", "auth", "partition", "forwarder/internal/..."},
	"forwarder/...":          {"batch", "settings", "auth", "partition", "forwarder/..."},
}

// standardOnly lists the packages that a program without Kafka can use without
// pulling in anything but the standard library.
var standardOnly = []string{"batch", "settings"}

func TestImports_pointOneWay(t *testing.T) {
	for path, p := range rootPackages(t) {
		if !ours(path) {
			continue
		}
		allowed, ok := ruleFor(below(path))
		if !assert.True(t, ok, "%s: no rule says what it may import", path) {
			continue
		}
		for _, dep := range p.Deps {
			if ours(dep) {
				assert.True(t, slices.ContainsFunc(allowed, func(p string) bool { return fits(p, below(dep)) }),
					"%s must not need %s", path, dep)
			}
		}
	}
}

func TestImports_batchAndSettingsNeedOnlyTheStandardLibrary(t *testing.T) {
	all := rootPackages(t)
	for _, name := range standardOnly {
		p, ok := all[root+"/"+name]
		require.True(t, ok, "package %s is gone", name)
		for _, dep := range p.Deps {
			assert.True(t, all[dep].Standard, "%s needs %s", name, dep)
		}
	}
}

func TestImports_keepTestLibrariesInTests(t *testing.T) {
	for path, p := range rootPackages(t) {
		if !ours(path) {
			continue
		}
		for _, dep := range p.Deps {
			assert.False(t, under("github.com/stretchr", dep), "%s needs %s outside its tests", path, dep)
		}
	}
}

func TestImports_leaveUnsafeAlone(t *testing.T) {
	for path, p := range rootPackages(t) {
		if ours(path) {
			assert.NotContains(t, p.Imports, "unsafe", "%s", path)
		}
	}
}

// The exported part of forwardertest does what every user could do; only its
// tests and its own internal packages may look behind the forwarder.
func TestImports_forwardertestUsesWhatIsExported(t *testing.T) {
	if _, err := os.Stat(filepath.Join("forwardertest", "go.mod")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("forwardertest is a module of its own and not part of this copy")
	}
	all := list(t, "forwardertest", "-find", "./...") // -find: needs none of its dependencies
	require.NotEmpty(t, all)
	for path, p := range all {
		if strings.Contains(path+"/", "/internal/") {
			continue
		}
		for _, dep := range p.Imports {
			assert.False(t, under(root+"/forwarder/internal", dep), "%s imports %s", path, dep)
		}
	}
}

// listed is what the tests need of one package in go list's answer. Imports
// and Deps leave test files out.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func rootPackages(t *testing.T) map[string]listed {
	t.Helper()
	all := list(t, "..", "-deps", "./...")
	require.Contains(t, all, root+"/forwarder")
	return all
}

func list(t *testing.T, dir string, args ...string) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Standard,Imports,Deps"}, args...)...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", cmd, &stderr)

	all := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all[p.ImportPath] = p
	}
}

func ours(path string) bool          { return under(root, path) }
func below(path string) string       { return strings.TrimPrefix(path, root+"/") }
func under(parent, path string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

// ruleFor finds what the package with this name may need.
func ruleFor(name string) (allowed []string, ok bool) {
	best := ""
	for pattern, list := range directions {
		if fits(pattern, name) && len(pattern) > len(best) {
			best, allowed, ok = pattern, list, true
		}
	}
	return allowed, ok
}

func fits(pattern, name string) bool {
	parent, wild := strings.CutSuffix(pattern, "/...")
	return name == parent || wild && under(parent, name)
}
