package forwarder

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// What newProducers gives to the engine alone has no effect with WithSaramaProducer,
// whose documentation says so of each setting.
func TestWithSaramaProducer_namesWhatItIgnores(t *testing.T) {
	engine, _ := deliveryFields(t, "producer.go", "newProducers")
	stock, _ := deliveryFields(t, "producer.go", "newStockProducers")
	require.NotEmpty(t, engine, "newProducers reads the settings in another way")
	_, doc := deliveryFields(t, "option.go", "WithSaramaProducer")
	for _, name := range engine {
		if slices.Contains(stock, name) {
			continue
		}
		field, ok := reflect.TypeFor[settings.Delivery]().FieldByName(name)
		require.True(t, ok, name)
		key := "delivery." + field.Tag.Get("json")
		assert.True(t, strings.Contains(doc, key), "%s has no effect with WithSaramaProducer: its list in option.go has to say so", key)
	}
}

// deliveryFields returns the fields of s.Delivery that a function names, and its
// documentation.
func deliveryFields(t *testing.T, file, function string) (names []string, doc string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	at := slices.IndexFunc(parsed.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && f.Name.Name == function
	})
	require.NotEqual(t, -1, at, "%s has no function %s", file, function)
	f, _ := parsed.Decls[at].(*ast.FuncDecl)
	for node := range ast.Preorder(f.Body) {
		if field, ok := node.(*ast.SelectorExpr); ok {
			if group, ok := field.X.(*ast.SelectorExpr); ok && group.Sel.Name == "Delivery" {
				names = append(names, field.Sel.Name)
			}
		}
	}
	return names, f.Doc.Text()
}
