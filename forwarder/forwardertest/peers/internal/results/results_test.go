package results_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json.gz")
	for range 2 { // the second time there is a file to replace
		if err := madeUp().Save(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := results.Load(path)
	if err != nil || !reflect.DeepEqual(got, madeUp()) {
		t.Errorf("%v: got %+v", err, got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v: left %v", err, left)
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := results.Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	// A folder with something in it cannot be replaced by a file.
	target := filepath.Join(dir, "run.json.gz")
	if err := os.MkdirAll(filepath.Join(target, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := madeUp().Save(target); err == nil {
		t.Error("saved over a folder")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v: left %v", err, left)
	}
}

func TestMarkdown(t *testing.T) {
	text := madeUp().Markdown()
	contains(t, text,
		"| 2026-01-02T03:04:05Z | 61 | Some &lt;CPU> & more, 2 cores, linux | 3.1 % | – |", "`go run .`", "go 1.26.0, java 21",
		"## Kafka 1 x 3.9.2", "## Kafka 3 x 4.3.1", "### 9 KB, zstd, 64 x 10", "CPU to franz-go-5ms",
		"| eventferry-engine | 30303 | 33.0 | 0.75 (0.75–0.75) | 1.33 (1.33–1.33) | 3.0 | 90 | 3.30 | 9.90 | 66.00 |",
		"| eventferry-seam | 25253 | 39.6 | 0.90 (0.90–0.90) | 1.11 (1.11–1.11) |", "next\nto our producer and", "eventferry-engine to franz-go",
		"| franz-go-5ms | 22727 | 44.0 | 1 | 1 |",
		`| sarama | failed: broker \| gone &lt;twice> (round 1) |`, `- sarama failed: broker \| gone &lt;twice> (round 2)`,
		"- java failed: out of memory (round 2)",
		"| 9 KB, zstd | 90 | 11.0 | 33.0 | 3.00 (3.00–3.00) | 48.4 | 4.40 (4.40–4.40) |",
		"| 1 | failed: no leader (round 1) | – | 34.1 | – | – | 49.5 | – | – | – | – | 0.69 (0.69–0.69) | – |", "| 64 | 48.4 | 60.5 | 33.0 |",
		"| codec | 50.0 | 80.0 |", "| GC | – | 2.0 |")
	if strings.Index(text, "| 1 | failed") > strings.Index(text, "| 64 | 48.4") {
		t.Error("steps of growth are not sorted")
	}
	contains(t, (&results.Results{Quick: true}).Markdown(), "Quick runs")
}

func TestMarkdownWithoutFranz(t *testing.T) {
	r := &results.Results{Cells: []results.Cell{{Cluster: "1 x 3.9.2", Size: "9 KB", Codec: "lz4", Shape: "64 x 1",
		Rounds: map[string][]results.Measurement{peer.Seam: rounds(30), peer.Franz: failed("refused")}}}}
	contains(t, r.Markdown(), "| eventferry-seam | 30303 | 33.0 | – | – |", "| franz-go | failed: refused (round 1) |")
}

// rowsOf returns the rows of a summary's table, which are always five, and the
// paragraph below it.
func rowsOf(t *testing.T, r *results.Results) (rows []string, paragraph string) {
	t.Helper()
	list := strings.Split(r.Summary(), "\n")
	if len(list) != 10 || list[7] != "" || list[9] != "" {
		t.Fatalf("%d lines: %q", len(list), list)
	}
	for _, row := range list[:7] {
		if strings.Count(row, "|") != 5 {
			t.Errorf("not four columns: %s", row)
		}
	}
	return list[2:7], list[8]
}

func TestSummary(t *testing.T) {
	r := madeUp()
	r.Cells[0].Rounds[peer.Engine] = rounds(80)                 // 1 KiB, 64 x 1: worse
	r.Cells[1].Rounds[peer.Engine] = failed("refused")          // 1 KiB, 64 x 10
	r.Cells[2].Rounds[peer.Engine] = rounds(40)[:1]             // 1 KiB, pipeline: one round only
	r.Cells[21+1].Rounds[peer.Forward] = failed("out of space") // 9 KB zstd 64 x 10
	rows, paragraph := rowsOf(t, r)
	contains(t, rows[0], "our producer | franz-go with its better linger | 51, 1, 1 of 54, 1 without a ratio | 0.75 (0.75–2.00) |")
	contains(t, rows[1], "51, 1, 1 of 54, 1 without a ratio | 1.33 (0.50–1.33) |")
	contains(t, rows[2], "librdkafka, whose codecs are in C | 52, 1, 0 of 54, 1 without a ratio |")
	contains(t, rows[3], "first bar of the plot", "1 KiB: 0, 0, 18 of 18; 9 KB: 0, 0, 17 of 18, 1 without a ratio; 64 KB: 0, 0, 18 of 18",
		"1 KiB: 1.10 (1.10–1.10)")
	contains(t, rows[4], "17, 0, 1 of 18 | 0.60 (0.60–1.60) |")
	contains(t, paragraph, "Java producer: 51, 1, 1 of 54", "Of the project's 13 targets", "Measured in one run, of 2026-01-02.")
}

func TestSummary_ofNothing(t *testing.T) {
	rows, paragraph := rowsOf(t, new(results.Results))
	for _, row := range rows {
		contains(t, row, "not measured")
	}
	contains(t, paragraph, "not measured")
}

func TestPlots(t *testing.T) {
	for name, r := range map[string]*results.Results{
		"whole": madeUp(),
		"empty": {},
		"failed": {Cells: []results.Cell{{Cluster: "1 x 3.9.2", Size: "9 KB", Codec: "<&>", Shape: "64 x 10", Rounds: map[string][]results.Measurement{peer.Seam: failed("refused")}},
			{Cluster: "1 x 3.9.2", Size: "9 KB", Codec: "lz4", Shape: "64 x 1", Rounds: map[string][]results.Measurement{peer.Seam: failed("refused")}}},
			Growth: []results.Growth{{Of: "<callers>", At: 1, Rounds: map[string][]results.Measurement{peer.Seam: failed("refused")}}}},
	} {
		t.Run(name, func(t *testing.T) {
			plots := r.Plots()
			want := []string{"cpu.svg", "growth.svg", "latency.svg", "profile.svg", "rate.svg"}
			if got := slices.Sorted(maps.Keys(plots)); !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
			for file, text := range plots {
				wellFormed(t, file, text)
				switch {
				case name == "empty" || name == "failed" && file == "profile.svg":
					contains(t, text, "not measured in this run")
				case name == "failed":
					contains(t, text, "failed</text>")
				case file != "profile.svg":
					contains(t, text, ">eventferry: its adapter to AsyncProducer alone</text>")
				default:
					contains(t, text, ">system calls</text>")
				}
			}
		})
	}
	contains(t, madeUp().Plots()["cpu.svg"], ">0.75</text>", ">codec zstd</text>", ">5.00</text>", "<polygon", ">failed</text>")
	contains(t, madeUp().Plots()["rate.svg"], ">1.33</text>")
	contains(t, madeUp().Plots()["latency.svg"], ">9.90</text>")
}

func wellFormed(t *testing.T, file, text string) {
	t.Helper()
	if dir := os.Getenv("PLOTS"); dir != "" { // to look at them
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+file), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	d, elements := xml.NewDecoder(strings.NewReader(text)), 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, text)
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
	if elements < 5 || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("%s has %d elements:\n%s", file, elements, text)
	}
}
