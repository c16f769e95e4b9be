package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const (
	fileBatches = 4000
	usersThere  = 20
	replayRate  = 2000 // so that most of it is left when a process is killed
)

// A writtenArchive is files of several formats, with batches that are numbered and
// lines that are none.
type writtenArchive struct {
	path    string
	batches int
	bad     []badEntry // without reasons, in the order of the files
}

// writeArchive writes so many files. Each user has batches in all of them.
func writeArchive(t *testing.T, files int) *writtenArchive {
	t.Helper()
	a := &writtenArchive{path: filepath.Join(t.TempDir(), "archive")}
	filler := strings.Repeat("x", 500)
	for file := range files {
		name := fmt.Sprintf("2026/01/%02d/part", file+1)
		var text bytes.Buffer
		for i := range fileBatches {
			if i == file*fileBatches/files { // at the beginning of the first file, and ever later
				a.writeBad(&text, name)
			}
			n := a.batches
			_, _ = fmt.Fprintf(&text, `{"mpid":%d,"n":%d,"text":%q,"events":[{"event_type":"custom_event","data":{}}]}`+"\n", n%usersThere+1, n, filler)
			a.batches++
		}
		data := text.Bytes()
		switch file % 3 {
		case 1:
			data = zipped(t, text.String())
		case 2:
			data = zstandard(t, text.String())
		}
		path := filepath.Join(a.path, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	return a
}

// writeBad writes a line that is no batch.
func (a *writtenArchive) writeBad(text *bytes.Buffer, file string) {
	lines := []string{"nonsense", `{"mpid":true,"n":0}`, "{\"n\":\"\xff\"}"}
	line := lines[len(a.bad)%len(lines)]
	e := badEntry{File: file, Offset: int64(text.Len()), End: int64(text.Len() + len(line)), Text: line}
	if strings.Contains(line, "\xff") {
		e.Text, e.Bytes = "", []byte(line)
	}
	a.bad = append(a.bad, e)
	text.WriteString(line + "\n")
}

// badThere is what the file of what is no batch holds, without reasons.
func (a *writtenArchive) badThere(t *testing.T) (list []badEntry) {
	t.Helper()
	for _, e := range badLines(t, a.path+".bad") {
		require.NotEmpty(t, e.Reason)
		e.Reason = ""
		list = append(list, e)
	}
	return list
}

// compared is what a topic has of an archive, and what is wrong with it.
type compared struct{ Lost, Twice, Disorder, Strange int }

// compare is given the messages of each partition in order.
func (a *writtenArchive) compare(messages []forwardertest.Message) (c compared) {
	there, last := make([]bool, a.batches), map[int]int{}
	for _, m := range messages {
		var b struct{ MPID, N int }
		err := json.Unmarshal(m.Value, &b)
		switch {
		case err != nil || b.N < 0 || b.N >= a.batches || string(m.Key) != fmt.Sprint(b.N%usersThere+1):
			c.Strange++
			continue
		case there[b.N]:
			c.Twice++
			continue
		}
		there[b.N] = true
		if newest, ok := last[b.MPID]; ok && b.N < newest {
			c.Disorder++
		}
		last[b.MPID] = max(last[b.MPID], b.N)
	}
	for _, is := range there {
		if !is {
			c.Lost++
		}
	}
	return c
}
