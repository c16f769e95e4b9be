package structure

import (
	"go/importer"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReferences shows what counts as naming something of another file.
func TestReferences(t *testing.T) {
	p := writePackage(t, map[string]string{
		"type.go":     "package p\n\ntype thing struct{ size int }\n",
		"method.go":   "package p\n\nfunc (t thing) double() int { return 2 * t.size }\n",
		"const.go":    "package p\n\nconst one = 1\n",
		"function.go": "package p\n\nfunc use(size int) int { return thing{size: one}.double() }\n",
		"apart.go":    "package p\n\nfunc thingless(one int) int { return one }\n",
	})
	g := p.references()
	for _, to := range g {
		assert.NotContains(t, to, "apart.go")
	}
	assert.ElementsMatch(t, []string{"type.go", "method.go", "const.go"}, g["function.go"])
	assert.ElementsMatch(t, []string{"type.go"}, g["method.go"])
	assert.Empty(t, g["type.go"])
	assert.Empty(t, g["apart.go"], "a local variable is not the constant of that name")
	assert.Len(t, g.largestKnot(), 1)
	assert.Equal(t, 3, checkedFileNamed(t, p, "const.go").lines)
}

// TestKnots_theCheckCatches shows that one more reference makes a knot.
func TestKnots_theCheckCatches(t *testing.T) {
	files := map[string]string{
		"a.go": "package p\n\ntype a struct{}\n",
		"b.go": "package p\n\nfunc (a) b() { c() }\n",
		"c.go": "package p\n\nfunc c() {}\n",
	}
	assert.Len(t, writePackage(t, files).references().largestKnot(), 1)

	files["c.go"] = "package p\n\nfunc c() { a{}.b() }\n"
	assert.Equal(t, []string{"b.go", "c.go"}, writePackage(t, files).references().largestKnot())

	files["a.go"] = "package p\n\ntype a struct{ next *a }\n\nfunc init() { c() }\n"
	assert.Equal(t, []string{"a.go", "b.go", "c.go"}, writePackage(t, files).references().largestKnot())
}

// writePackage returns a package of these files, which import nothing.
func writePackage(t *testing.T, files map[string]string) *checkedPackage {
	t.Helper()
	l := listed{ImportPath: root + "/p", Dir: t.TempDir()}
	for name, text := range files {
		l.GoFiles = append(l.GoFiles, name)
		require.NoError(t, os.WriteFile(filepath.Join(l.Dir, name), []byte(text), 0o600))
	}
	return checkPackage(t, l, importer.Default())
}

func checkedFileNamed(t *testing.T, p *checkedPackage, name string) checkedFile {
	t.Helper()
	for _, f := range p.files {
		if f.name == name {
			return f
		}
	}
	require.Fail(t, "no file "+name)
	return checkedFile{}
}
