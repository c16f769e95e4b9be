package forwarder

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDoc_refusals: the package comment lists every text that refuses, by the
// longest piece of it that is always the same.
func TestDoc_refusals(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(source), "// # When a broker refuses\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "// # ")
	section = strings.Join(strings.Fields(strings.ReplaceAll(section, "//", "")), " ")

	files, err := fs.Glob(os.DirFS("."), "*.go")
	require.NoError(t, err)
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "refusef" {
				return true
			}
			if fixed := longestPiece(text(t, call.Args[0])); len(fixed) > len(" advertises it") {
				checked++
				assert.Contains(t, section, fixed, name)
			}
			return true
		})
	}
	assert.Greater(t, checked, 20)
}

// text is the value of a string literal, or of several with + between them.
func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return text(t, e.X) + text(t, e.Y)
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		require.NoError(t, err)
		return s
	default:
		t.Fatalf("not a literal: %T", e)
		return ""
	}
}

var verbs = regexp.MustCompile(`(: )?%\w`)

// longestPiece returns the longest piece of a format between its verbs.
func longestPiece(format string) string {
	longest := ""
	for _, piece := range verbs.Split(format, -1) {
		if piece = strings.Trim(piece, " :)"); len(piece) > len(longest) {
			longest = piece
		}
	}
	return longest
}
