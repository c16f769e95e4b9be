package structure

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root = "github.com/eventferry/eventferry" // path of the root module

	rootDir          = "../../.." // folder of the root module
	forwardertestDir = rootDir + "/forwarder/forwardertest"
)

// A listed package is a package in the words of go list. GoFiles, Imports and
// Deps leave test files out.
type listed struct {
	ImportPath string
	Standard   bool
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Export     string // file with the types, with -export
}

// goList returns the packages that go list finds in a module, by import path.
func goList(t *testing.T, dir string, args ...string) map[string]listed {
	t.Helper()
	seeFolders(t)
	args = append([]string{"list", "-json=ImportPath,Standard,Dir,GoFiles,Imports,Deps,Export"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
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

// seeFolders opens every folder of the project. go test remembers a result
// until a folder that the test has opened changes, and does not know what go
// list has opened.
func seeFolders(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(rootDir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != rootDir && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return err
	}))
}

// hasForwardertest reports whether the nested module is there: the module that
// users download has no nested ones.
func hasForwardertest() bool {
	_, err := os.Stat(filepath.Join(forwardertestDir, "go.mod"))
	return !errors.Is(err, fs.ErrNotExist)
}

func ours(path string) bool          { return under(root, path) }
func below(path string) string       { return strings.TrimPrefix(path, root+"/") }
func under(parent, path string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }
