package receiver

import (
	"cmp"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// A guess that is right but for its end takes as long as one that is all wrong. The
// two are measured in random order, and their ranks compared, so that what else the
// machine does meets both alike: by chance alone the bound is passed once in hundreds
// of millions of runs. A comparison that ends at the first difference passes it.
func TestSecrets_timeTellsNothing(t *testing.T) {
	secret := strings.Repeat("0123456789", 20)
	feeds, err := StaticFeeds(Feed{Name: "a", Secrets: []settings.Secret{settings.NewSecret(secret), settings.NewSecret("other")}})
	require.NoError(t, err)
	ours, err := feeds(context.Background(), "")
	require.NoError(t, err)
	const bound = 6
	z := rankDifference(secret, func(guess string) bool { _, ok := withSecret(ours, guess); return ok })
	assert.Less(t, math.Abs(z), float64(bound))
	z = rankDifference(secret, func(guess string) bool {
		for i := range len(secret) {
			if guess[i] != secret[i] {
				return false
			}
		}
		return true
	})
	assert.Greater(t, z, float64(bound), "the measurement sees a difference where there is one")
}

// rankDifference returns by how many standard deviations the ranks of times for
// nearly right guesses are above those for wrong ones (Mann and Whitney's test).
func rankDifference(secret string, check func(string) bool) float64 {
	const samples, calls, texts = 400, 50, 8
	type sample struct {
		near bool
		took time.Duration
	}
	guesses := map[bool][]string{}
	for range texts { // of both kinds in turn, so that they lie in like places
		guesses[true] = append(guesses[true], secret[:len(secret)-1]+"x")
		guesses[false] = append(guesses[false], "x"+secret[1:])
	}
	var all []sample
	for i := range 2 * samples {
		all = append(all, sample{near: i%2 == 0})
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		guess, right := guesses[all[i].near][rand.IntN(texts)], false
		start := time.Now()
		for range calls {
			right = check(guess) || right
		}
		if all[i].took = time.Since(start); right {
			panic("a wrong guess is right")
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] }) // equal times have ranks by chance
	slices.SortStableFunc(all, func(a, b sample) int { return cmp.Compare(a.took, b.took) })
	sum := 0.0
	for i, s := range all {
		if s.near {
			sum += float64(i + 1)
		}
	}
	const n = float64(samples)
	return (sum - n*(2*n+1)/2) / math.Sqrt(n*n*(2*n+1)/12)
}

// All secrets are compared, whichever fits, and digests of them only.
func TestSecrets_allAreCompared(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "feed.go", nil, 0)
	require.NoError(t, err)
	assert.Empty(t, shortcuts(file))
	for name, body := range map[string]string{
		"ends early":     `for range 2 { return }`,
		"skips":          `for range 2 { if a { break } }`,
		"goes on":        `for range 2 { if a { continue } }`,
		"by itself":      `if x[0] == y[0] { f() }`,
		"as a text":      `if bytes.Equal(x, y) { f() }`,
		"by a condition": `if !ok && subtle.ConstantTimeCompare(x, y) == 1 { f() }`,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc withSecret() {"+body+"}", 0)
		require.NoError(t, err)
		assert.NotEmpty(t, shortcuts(file), name)
	}
}

// shortcuts returns what in withSecret may depend on how much of a secret is right.
func shortcuts(file *ast.File) (found []string) {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "withSecret" {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BranchStmt:
				found = append(found, n.Tok.String())
			case *ast.BinaryExpr:
				if n.Op == token.LAND || n.Op == token.LOR || (n.Op == token.EQL || n.Op == token.NEQ) && !harmless(n) {
					found = append(found, n.Op.String())
				}
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Equal" || s.Sel.Name == "Compare") {
					found = append(found, s.Sel.Name)
				}
			case *ast.RangeStmt:
				ast.Inspect(n.Body, func(n ast.Node) bool {
					if _, ok := n.(*ast.ReturnStmt); ok {
						found = append(found, "return")
					}
					return true
				})
			}
			return true
		})
	}
	return found
}

// harmless reports whether a comparison is one with nil, or of the result of one in
// constant time.
func harmless(n *ast.BinaryExpr) bool {
	if id, ok := n.Y.(*ast.Ident); ok && id.Name == "nil" {
		return true
	}
	call, ok := n.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "ConstantTimeCompare"
}
