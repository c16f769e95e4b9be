package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A fakeSpool stores batches until it has no more room, and remembers positions.
type fakeSpool struct {
	room   int
	stored []string
	refuse func(*batch.Batch) error

	mu        sync.Mutex // two goroutines read and store
	positions map[string]int64
}

var errNoRoom = errors.New("the process was killed")

func (s *fakeSpool) storeAll(_ context.Context, bs []*batch.Batch, tags ...spool.Tag) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(bs))
	for i, b := range bs {
		if s.room == 0 {
			errs[i] = errNoRoom
			continue
		}
		if s.refuse != nil {
			if errs[i] = s.refuse(b); errs[i] != nil {
				continue
			}
		}
		s.room--
		s.stored = append(s.stored, string(b.AppendJSON(nil)))
		s.positions[tags[i].Source.File] = tags[i].Source.Offset
	}
	return errs
}

func (s *fakeSpool) position(file string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	offset, ok := s.positions[file]
	return offset, ok
}

func (s *fakeSpool) replay(ctx context.Context, o Options, room int) (Result, error) {
	s.room = room
	r := &replay{options: o.withDefaults(), storeAll: s.storeAll, position: s.position, reading: 1}
	return r.run(ctx)
}

func newFakeSpool() *fakeSpool { return &fakeSpool{positions: map[string]int64{}} }

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func zstandard(t *testing.T, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	defer z.Close()
	return z.EncodeAll([]byte(text), nil)
}

// sample is an archive in all formats, and its batches in order.
func sample(t *testing.T) (fstest.MapFS, []string) {
	t.Helper()
	files, n := fstest.MapFS{}, 0
	var all []string
	texts := func(format string, count int) (list []string) {
		for range count {
			n++
			list = append(list, fmt.Sprintf(format, n))
		}
		all = append(all, list...)
		return list
	}
	file := func(name string, text []byte) { files[name] = &fstest.MapFile{Data: text} }
	file("2026/01/01/a.json", []byte(strings.Join(texts(`{"n":%d}`, 20), "\n")))
	file("2026/01/01/b.gz", append(zipped(t, strings.Join(texts(`{"n":%d}`, 10), "\n")+"\n"), zipped(t, strings.Join(texts(`{"n":%d}`, 10), "\n"))...))
	file("2026/01/02/empty", nil)
	file("2026/01/02/only-bad", []byte("oops"))
	file("2026/01/02/whatever.txt", zstandard(t, "["+strings.Join(texts(`{"n":%d}`, 15), ",\n")+"]\n"))
	file("2026/02/01/c", []byte(strings.Join(texts("{\n \"n\": %d\n}", 12), "")+"\nnonsense\n"))
	file("2026/02/01/d", []byte("nonsense\n{\"n\":\"\n"+strings.Join(texts(`{"n":%d}`, 12), "\n")))
	return files, all
}

const badInSample = 4

func badLines(t *testing.T, path string) (list []badEntry) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var e badEntry
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		list = append(list, e)
	}
	return list
}

func TestRun_allFormatsInOrder(t *testing.T) {
	files, want := sample(t)
	s, o := newFakeSpool(), Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}
	result, err := s.replay(t.Context(), o, 1000)
	require.NoError(t, err)
	assert.Equal(t, want, s.stored)
	assert.Equal(t, Result{Files: len(files), Stored: len(want), Bad: badInSample}, result)
	bad := badLines(t, o.Bad)
	require.Len(t, bad, badInSample)
	assert.Equal(t, badEntry{File: "2026/01/02/only-bad", End: 4, Reason: "not a JSON object", Text: "oops"}, bad[0])
	info, err := os.Stat(o.Bad)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	result, err = s.replay(t.Context(), o, 1000)
	require.NoError(t, err)
	assert.Equal(t, Result{Files: len(files)}, result, "nothing is left")
	assert.Equal(t, want, s.stored)
	assert.Len(t, badLines(t, o.Bad), badInSample)
}

// A Run that ends at any batch is continued by the next one without a gap and without
// a double, and what is no batch is noted once.
func TestRun_goesOnAnywhere(t *testing.T) {
	files, want := sample(t)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
		s, o := newFakeSpool(), Options{Files: files, Bad: filepath.Join(t.TempDir(), "bad")}
		for runs := 0; ; runs++ {
			require.Less(t, runs, 1000)
			_, err := s.replay(t.Context(), o, r.IntN(20))
			if err == nil {
				break
			}
			require.ErrorIs(t, err, errNoRoom)
			if r.IntN(4) == 0 { // killed while it wrote
				f, err := os.OpenFile(o.Bad, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
				require.NoError(t, err)
				_, err = f.WriteString(`{"file":"torn`)
				require.NoError(t, err)
				require.NoError(t, f.Close())
			}
		}
		require.Equal(t, want, s.stored, "seed %d", seed)
		require.Len(t, badLines(t, o.Bad), badInSample, "seed %d", seed)
	}
}

// A file that was read to its end and has grown since is read on.
func TestRun_fileThatGrows(t *testing.T) {
	dir := t.TempDir()
	s, o := newFakeSpool(), Options{Files: os.DirFS(dir), Bad: filepath.Join(t.TempDir(), "bad")}
	var text string
	for n := range 5 {
		text += fmt.Sprintf("{\"n\":%d}\n", n)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "log"), []byte(text), 0o600))
		result, err := s.replay(t.Context(), o, 1000)
		require.NoError(t, err)
		assert.Equal(t, Result{Files: 1, Stored: 1}, result)
	}
	assert.Len(t, s.stored, 5)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "log"), []byte(`{}`), 0o600))
	_, err := s.replay(t.Context(), o, 1000)
	require.ErrorIs(t, err, errShorter)
}

// What the forwarder refuses for its own sake is kept beside what is no batch.
func TestRun_refused(t *testing.T) {
	s, o := newFakeSpool(), Options{Bad: filepath.Join(t.TempDir(), "bad"), Files: fstest.MapFS{"f": {Data: []byte(`{"n":1}{"n":2}{"n":3}`)}}}
	s.refuse = func(b *batch.Batch) error {
		if n, _ := b.At("n").Int64(); n == 2 {
			return &forwarder.TooLargeError{Size: 5, Limit: 4}
		}
		return nil
	}
	result, err := s.replay(t.Context(), o, 1000)
	require.NoError(t, err)
	assert.Equal(t, Result{Files: 1, Stored: 2, Bad: 1}, result)
	bad := badLines(t, o.Bad)
	require.Len(t, bad, 1)
	assert.Equal(t, `{"n":2}`, bad[0].Text)
	assert.Equal(t, int64(7), bad[0].Offset)
	assert.True(t, bad[0].Refused)
}

func TestRun_damagedArchives(t *testing.T) {
	whole := strings.Repeat(`{"n":1}`+"\n", 1000)
	files := fstest.MapFS{
		"a.gz": {Data: zipped(t, whole)[:50]}, "b.zst": {Data: cutOff(zstandard(t, whole))}, "c": {Data: []byte(`{"n":2}`)},
		"d.gz": {Data: []byte{0x1f, 0x8b, 0}},
	}
	s, o := newFakeSpool(), Options{Bad: filepath.Join(t.TempDir(), "bad"), Files: files}
	for range 2 {
		_, err := s.replay(t.Context(), o, 10000)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, len(slices.DeleteFunc(s.stored, func(text string) bool { return text == `{"n":1}` })), "the one behind them, once")
	var names []string
	for _, e := range badLines(t, o.Bad) {
		names = append(names, e.File)
	}
	slices.Sort(names)
	assert.Equal(t, []string{"a.gz", "b.zst", "d.gz"}, slices.Compact(names))
}

func cutOff(b []byte) []byte { return b[:len(b)-6] }

func TestRun_historical(t *testing.T) {
	s, o := newFakeSpool(), Options{Historical: true, Bad: filepath.Join(t.TempDir(), "bad"), Files: fstest.MapFS{
		"f": {Data: []byte(`{"n":1} {"source_info":{"is_historical":false,"x":1}} {"source_info":7}`)},
	}}
	_, err := s.replay(t.Context(), o, 1000)
	require.NoError(t, err)
	assert.Equal(t, []string{
		`{"n":1,"source_info":{"is_historical":true}}`, `{"source_info":{"is_historical":true,"x":1}}`,
	}, s.stored)
	assert.Len(t, badLines(t, o.Bad), 1, "there is nowhere to say so")
}

// The rate is kept, a line is written each minute, and the end of ctx ends all.
func TestRun_rateAndProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s, o := newFakeSpool(), Options{
			Bad: filepath.Join(t.TempDir(), "bad"), Rate: 10, Progress: &out,
			Files: fstest.MapFS{"f": {Data: []byte(strings.Repeat("{}\n", 1501))}},
		}
		began := time.Now()
		result, err := s.replay(t.Context(), o, 10000)
		require.NoError(t, err)
		assert.Equal(t, 1501, result.Stored)
		assert.Equal(t, 150*time.Second, time.Since(began))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, 3)
		assert.Contains(t, lines[0], " batches, 0 bad, 4503 of 4503 bytes")
		assert.Contains(t, lines[2], "1 of 1 files, 1501 batches")

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = newFakeSpool().replay(ctx, o, 10000)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestOptions(t *testing.T) {
	_, err := Run(t.Context(), nil, Options{Rate: math.Inf(1)})
	require.ErrorContains(t, err, "Options.Rate is +Inf")
	_, err = Run(t.Context(), nil, Options{Rate: -1, MaxBatchBytes: -1})
	for _, text := range []string{"Options.Files", "Options.Bad", "Options.Rate", "Options.MaxBatchBytes"} {
		assert.ErrorContains(t, err, text)
	}
}

func TestOpenBad_anotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwords")
	require.NoError(t, os.WriteFile(path, []byte("root:x\n"), 0o600))
	_, err := newFakeSpool().replay(t.Context(), Options{Bad: path, Files: fstest.MapFS{}}, 1)
	require.ErrorContains(t, err, "is another file")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "root:x\n", string(text))
}
