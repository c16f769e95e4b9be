package settings_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

var update = flag.Bool("update", false, "write the table of settings into README.md")

const readme = "../README.md"

// TestREADME_settingsTable keeps README.md at what the code and its comments
// say. Run go test ./settings -update to write it.
func TestREADME_settingsTable(t *testing.T) {
	data, err := os.ReadFile(readme)
	require.NoError(t, err)
	const begin, end = "<!-- settings table -->\n", "<!-- /settings table -->\n"
	before, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok, "README.md has no %s", begin)
	is, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "README.md has no %s", end)

	want := table(t)
	if *update && is != want {
		require.NoError(t, os.WriteFile(readme, []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, is, "run go test ./settings -update")
}

func table(t *testing.T) string {
	docs := fieldDocs(t)
	var b strings.Builder
	b.WriteString("| Setting | Data type | Default | Description | Key | Variable |\n|---|---|---|---|---|---|\n")
	page := true
	for _, s := range allSettings() {
		d := docs[s.key]
		if page && !d.page && !strings.HasPrefix(s.key, "password") {
			b.WriteString("| *Beyond the page* | | | | | |\n")
			page = false
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` | `%s` |\n", d.name, dataType(t, s), d.byDefault, d.text, s.key, s.variable())
	}
	b.WriteString("\nIn JSON, `tls.ca_file` is the key `ca_file` of the object `tls`. Lists are JSON lists there, and separated by commas in a variable.\n")
	return b.String()
}

func dataType(t *testing.T, s setting) string {
	names := map[reflect.Type]string{
		reflect.TypeFor[settings.Secret]():          "text, secret",
		reflect.TypeFor[settings.Toggle]():          "true or false",
		reflect.TypeFor[time.Duration]():            "duration",
		reflect.TypeFor[[]settings.MetadataField](): "list of text",
	}
	if name, ok := names[s.typ]; ok {
		return name
	}
	switch s.typ.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int64:
		return "whole number"
	default:
		t.Fatalf("%s: this test has no words for type %s", s.key, s.typ)
		return ""
	}
}

// TestFieldDocs_sayTheDefault holds the comments against WithDefaults.
func TestFieldDocs_sayTheDefault(t *testing.T) {
	defaults := settings.Settings{}.WithDefaults()
	docs := fieldDocs(t)
	inWords := map[string]string{ // no value stands for these
		"bootstrap_servers": "required", "topic_name": "required",
		"user_name": "unset", "password": "unset", "password_file": "unset", "unique_id": "unset",
		"metadata_field_exclusion": "none",
		"tls.ca_file":              "the system's authorities", "tls.server_name": "the broker's host",
		"tls.cert_file": "no client certificate", "tls.key_file": "no client certificate",
	}
	for _, s := range allSettings() {
		value := s.in(&defaults)
		want, ok := inWords[s.key]
		if !ok {
			want = fmt.Sprint(value.Interface())
		}
		if toggle, ok := value.Interface().(settings.Toggle); ok {
			want = fmt.Sprint(toggle == settings.On)
		}
		assert.Equal(t, want, docs[s.key].byDefault, s.key)
	}
}

// A fieldDoc is what the comment of a field says: its first paragraph, and the
// last line, such as "Page: Topic Name. Default: unset."
type fieldDoc struct {
	text, name, byDefault string
	page                  bool // mParticle's page has it
}

func fieldDocs(t *testing.T) map[string]fieldDoc {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	structs := map[string]*ast.StructType{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for node := range ast.Preorder(file) {
			if spec, ok := node.(*ast.TypeSpec); ok {
				structs[spec.Name.Name], _ = spec.Type.(*ast.StructType)
			}
		}
	}
	docs := map[string]fieldDoc{}
	tag := regexp.MustCompile("`json:\"(.*)\"`")
	var walk func(name, prefix string)
	walk = func(name, prefix string) {
		for _, f := range structs[name].Fields.List {
			require.NotNil(t, f.Tag, "%s.%s has no key", name, f.Names[0])
			key := prefix + tag.FindStringSubmatch(f.Tag.Value)[1]
			if group, ok := f.Type.(*ast.Ident); ok && (group.Name == "TLS" || group.Name == "Delivery") {
				walk(group.Name, key+".")
				continue
			}
			docs[key] = parseDoc(t, key, f.Doc.Text())
		}
	}
	walk("Settings", "")
	return docs
}

func parseDoc(t *testing.T, key, text string) fieldDoc {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	last := regexp.MustCompile(`^(Page|Beyond the page): (.*)\. (?:Default: (.*)|(Required))\.$`).FindStringSubmatch(paragraphs[len(paragraphs)-1])
	require.NotNil(t, last, "%s: the last line of the comment names neither page nor default", key)
	require.Greater(t, len(paragraphs), 1, key)
	return fieldDoc{
		text:      strings.ReplaceAll(strings.Join(strings.Fields(paragraphs[0]), " "), "|", `\|`),
		name:      last[2],
		byDefault: last[3] + strings.ToLower(last[4]),
		page:      last[1] == "Page",
	}
}
