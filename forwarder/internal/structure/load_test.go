package structure

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A checkedPackage is a package of ours with the types of its files, without
// those of tests.
type checkedPackage struct {
	name  string // its import path below that of the root module
	files []checkedFile
	types *types.Package
	uses  map[*ast.Ident]types.Object
	fset  *token.FileSet
}

type checkedFile struct {
	name  string // without its folder
	lines int
}

// loadPackages parses and type-checks the packages of the module in dir, by
// their names. The types of what they import come from the build cache, so
// nothing is built that go test has built before.
func loadPackages(t *testing.T, dir string) []*checkedPackage {
	t.Helper()
	all := goList(t, dir, "-export", "-deps", "./...")
	module, err := filepath.Abs(dir)
	require.NoError(t, err)
	exported := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(all[path].Export)
	})

	var packages []*checkedPackage
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if p := all[path]; ours(path) && len(p.GoFiles) > 0 && strings.HasPrefix(p.Dir, module) {
			packages = append(packages, checkPackage(t, p, exported))
		}
	}
	require.NotEmpty(t, packages)
	return packages
}

func checkPackage(t *testing.T, l listed, imports types.Importer) *checkedPackage {
	t.Helper()
	p := &checkedPackage{name: below(l.ImportPath), uses: map[*ast.Ident]types.Object{}, fset: token.NewFileSet()}
	var files []*ast.File
	for _, name := range l.GoFiles {
		text, err := os.ReadFile(filepath.Join(l.Dir, name))
		require.NoError(t, err)
		file, err := parser.ParseFile(p.fset, name, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
		p.files = append(p.files, checkedFile{name, bytes.Count(text, []byte("\n"))})
	}
	config := types.Config{Importer: imports}
	var err error
	p.types, err = config.Check(l.ImportPath, p.fset, files, &types.Info{Uses: p.uses})
	require.NoError(t, err)
	return p
}

// references returns for each file the other files of the package that it
// names something of: a function, a type, a method, a field, a variable.
func (p *checkedPackage) references() graph {
	g := graph{}
	for _, f := range p.files {
		g[f.name] = nil
	}
	for name, object := range p.uses {
		if object.Pkg() != p.types || !object.Pos().IsValid() {
			continue
		}
		from, to := p.fset.Position(name.Pos()).Filename, p.fset.Position(object.Pos()).Filename
		if from != to && !slices.Contains(g[from], to) {
			g[from] = append(g[from], to)
		}
	}
	return g
}
