package forwarder

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRefusals_documented: REFUSALS.md lists every text that refuses, by the
// longest piece of it that is always the same.
func TestRefusals_documented(t *testing.T) {
	document, err := os.ReadFile("REFUSALS.md")
	require.NoError(t, err)

	checked := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "forwardertest" {
			return filepath.SkipDir // a module of its own, for tests
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			for _, format := range refusalFormats(t, path) {
				if fixed := longestPiece(format); len(fixed) > len(" advertises it") {
					checked++
					assert.True(t, strings.Contains(string(document), fixed), "%s: %s", path, fixed) //nolint:testifylint // the document is long
				}
			}
		}
		return nil
	}))
	assert.Greater(t, checked, 20)
}

// refusalFormats returns the formats of the calls of refusef in a file.
func refusalFormats(t *testing.T, path string) (formats []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	for node := range ast.Preorder(file) {
		if call, ok := node.(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "refusef" {
				formats = append(formats, text(t, call.Args[0]))
			}
		}
	}
	return formats
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
