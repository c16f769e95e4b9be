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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

var update = flag.Bool("update", false, "write the tables of settings into README.md and settings/README.md")

// TestREADME_settings keeps both documents at what the code and its comments
// say. Run go test ./settings -update to write them.
func TestREADME_settings(t *testing.T) {
	for file, want := range map[string]string{"../README.md": pageTable(t), "README.md": fullTable(t)} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		const begin, end = "<!-- settings table -->\n", "<!-- /settings table -->\n"
		before, rest, ok := strings.Cut(string(data), begin)
		require.True(t, ok, "%s has no %s", file, begin)
		is, after, ok := strings.Cut(rest, end)
		require.True(t, ok, "%s has no %s", file, end)

		if *update && is != want {
			require.NoError(t, os.WriteFile(file, []byte(before+begin+want+end+after), 0o644))
			continue
		}
		if is != want {
			t.Errorf("%s: run go test ./settings -update\n%s", file, firstDifference(is, want))
		}
	}
}

// firstDifference returns the first line in which a table differs from what it should
// be, with that.
func firstDifference(is, want string) string {
	there, wanted := strings.Split(is, "\n"), strings.Split(want, "\n")
	for i := range max(len(there), len(wanted)) {
		line := func(of []string) string {
			if i < len(of) {
				return of[i]
			}
			return "(the end)"
		}
		if line(there) != line(wanted) {
			return fmt.Sprintf("line %d of the table is   %s\nand should be %s", i+1, line(there), line(wanted))
		}
	}
	return ""
}

func TestFirstDifference(t *testing.T) {
	assert.Empty(t, firstDifference("a\nb\n", "a\nb\n"))
	assert.Equal(t, "line 2 of the table is   b\nand should be c", firstDifference("a\nb\nd", "a\nc\ne"))
	assert.Equal(t, "line 2 of the table is   (the end)\nand should be b", firstDifference("a", "a\nb"))
	assert.Equal(t, "line 2 of the table is   b\nand should be (the end)", firstDifference("a\nb", "a"))
}

// pageTable lists the settings that mParticle's page has in a table, and the
// others by their keys.
func pageTable(t *testing.T) string {
	docs := fieldDocs(t)
	var b strings.Builder
	b.WriteString("| Setting | Key | Default |\n|---|---|---|\n")
	var beyond []string
	for _, s := range allSettings() {
		d := docs[s.key]
		if !d.page {
			beyond = append(beyond, "`"+s.key+"`")
			continue
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", d.name, s.key, d.byDefault)
	}
	fmt.Fprintf(&b, "\nBeyond the page: %s.\n", strings.Join(beyond, ", "))
	return b.String()
}

func fullTable(t *testing.T) string {
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
	return b.String()
}

func dataType(t *testing.T, s setting) string {
	names := map[reflect.Type]string{
		reflect.TypeFor[settings.Secret]():          "text, secret",
		reflect.TypeFor[settings.Toggle]():          "true or false",
		reflect.TypeFor[time.Duration]():            "duration",
		reflect.TypeFor[[]settings.MetadataField](): "list of text",
		reflect.TypeFor[settings.FilterList]():      "list of objects",
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
		"metadata_field_exclusion": "none", "filters": "none",
		"tls.ca_file": "the system's authorities", "tls.server_name": "the broker's host",
		"tls.cert_file": "no client certificate", "tls.key_file": "no client certificate",
		"spool.dir": "no spool",
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
			if !f.Names[0].IsExported() {
				continue
			}
			require.NotNil(t, f.Tag, "%s.%s has no key", name, f.Names[0])
			key := prefix + tag.FindStringSubmatch(f.Tag.Value)[1]
			if group, ok := f.Type.(*ast.Ident); ok && slices.Contains([]string{"TLS", "Delivery", "Spool"}, group.Name) {
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
