package work_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/partition"
)

// Messages have the size that their name says, and no two are alike.
func TestMake_sizes(t *testing.T) {
	for _, size := range work.Sizes() {
		items, err := work.Make(t.Context(), size, 200)
		require.NoError(t, err)
		total, keys := 0, map[string]bool{}
		for _, i := range items {
			total += len(i.Value)
			keys[string(i.Key)] = true
		}
		assert.InEpsilon(t, size.Bytes, total/len(items), 0.06, size.Name)
		assert.Len(t, keys, len(items))
	}
}

func TestMake_again(t *testing.T) {
	a, err := work.Make(t.Context(), work.KB9(), 10)
	require.NoError(t, err)
	b, err := work.Make(t.Context(), work.KB9(), 10)
	require.NoError(t, err)
	assert.Equal(t, a, b)
}

func TestItem_next(t *testing.T) {
	items, err := work.Make(t.Context(), work.KB9(), 1)
	require.NoError(t, err)
	for range 12 {
		items[0].Next()
	}
	for _, data := range [][]byte{items[0].Input, items[0].Value} {
		b, err := batch.Parse(data)
		require.NoError(t, err)
		text, _ := b.At("message_id").Text()
		assert.Equal(t, strings.Repeat("0", work.Digits-2)+"12-"+string(items[0].Key), text, "each user has another one")
	}
}

func TestSave_load(t *testing.T) {
	items, err := work.Make(t.Context(), work.KiB1(), 5)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pool")
	require.NoError(t, work.Save(file, items))
	loaded, err := work.Load(file)
	require.NoError(t, err)
	assert.Equal(t, items, loaded)
}

func TestChecker(t *testing.T) {
	items, err := work.Make(t.Context(), work.KiB1(), 2)
	require.NoError(t, err)
	type message struct {
		at         int32
		key, value []byte
	}
	var sent []message
	for range 3 {
		for _, i := range items {
			i.Next()
			sent = append(sent, message{partition.Murmur2(i.Key, 7), i.Key, bytes.Clone(i.Value)})
		}
	}
	for name, c := range map[string]struct {
		change func([]message) []message
		text   string
	}{
		"all":         {func(m []message) []message { return m }, ""},
		"missing":     {func(m []message) []message { return m[:5] }, "6 messages were acknowledged, 5 are in the topic"},
		"gap":         {func(m []message) []message { return m[2:] }, "follows message 0"},
		"twice":       {func(m []message) []message { return append(m, m[5]) }, "follows message 3"},
		"order":       {func(m []message) []message { m[0], m[2] = m[2], m[0]; return m }, "follows message 0"},
		"changed":     {func(m []message) []message { m[3].value[3] ^= 1; return m }, "is not the one that was sent"},
		"cut":         {func(m []message) []message { m[3].value = m[3].value[1:]; return m }, "bytes instead of"},
		"elsewhere":   {func(m []message) []message { m[2].at = (m[2].at + 1) % 7; return m }, "instead of"},
		"unknown key": {func(m []message) []message { m[1].key = []byte("x"); return m }, `the key "x", which no user has`},
	} {
		t.Run(name, func(t *testing.T) {
			var messages []message
			for _, m := range sent {
				messages = append(messages, message{m.at, m.key, bytes.Clone(m.value)})
			}
			checker := work.NewChecker(items, 7)
			for _, m := range c.change(messages) {
				checker.Add(m.at, m.key, m.value)
			}
			err := checker.End(6)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.text)
		})
	}
}
