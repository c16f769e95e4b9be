package main

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each way to break the promise is found, and the promise itself passes.
func TestChecker(t *testing.T) {
	w := &workload{templates: [][]byte{[]byte(`"mp_deviceid":"x","events":[]}`)}, stored: [][]byte{[]byte(`"events":[]}`)}, users: 2}
	type message struct {
		caller, n int
		partition int32
		key       string
	}
	message1 := func(caller, n int) message {
		return message{caller, n, int32(caller), strconv.FormatInt(w.user(caller, n), 10)} //nolint:gosec // 0 or 1
	}
	// Caller 0 has posted 4 and got 3 answers, caller 1 has posted 2 and got 2.
	good := []message{message1(0, 0), message1(1, 0), message1(0, 1), message1(0, 2), message1(1, 1)}
	for name, c := range map[string]struct {
		messages []message
		want     verdict
	}{
		"good":                     {good, verdict{read: 5}},
		"kept without an answer":   {append(good[:5:5], message1(0, 3)), verdict{read: 6}},
		"users have no order":      {[]message{good[2], good[0], good[3], good[1], good[4]}, verdict{read: 5}},
		"lost":                     {good[1:], verdict{read: 4, lost: 1}},
		"all lost":                 {nil, verdict{lost: 5}},
		"twice":                    {append(good[:5:5], good[1]), verdict{read: 6, twice: 1}},
		"out of order":             {[]message{good[3], good[0], good[1], good[2], good[4]}, verdict{read: 5, outOfOrder: 1}},
		"another key":              {append(good[:4:4], message{1, 1, 1, "9"}), verdict{read: 5, misplaced: 1}},
		"another partition":        {append(good[:3:3], message{0, 2, 7, "1"}, good[4]), verdict{read: 5, misplaced: 1}},
		"never posted":             {append(good[:5:5], message1(1, 2)), verdict{read: 6, foreign: 1}},
		"of a caller that is none": {append(good[:5:5], message1(2, 0)), verdict{read: 6, foreign: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			checker := newChecker(w, 2)
			for _, m := range c.messages {
				checker.see(m.partition, []byte(m.key), w.message(nil, m.caller, m.n))
			}
			v := checker.finish([]int{4, 2}, []int{3, 2})
			assert.Equal(t, c.want, v)
			assert.Equal(t, name == "good" || name == "kept without an answer" || name == "users have no order", v.good())
		})
	}
	checker := newChecker(w, 1)
	checker.see(0, []byte("1"), w.batch(nil, 0, 0)) // a member too many
	v := checker.finish([]int{1}, []int{1})
	assert.Equal(t, verdict{read: 1, changed: 1}, v)
	assert.False(t, v.good())
	checker = newChecker(w, 1)
	checker.see(0, nil, []byte(`{}`))
	assert.Equal(t, verdict{read: 1, foreign: 1}, checker.finish([]int{0}, []int{0}))
}

// Batches are as large as they should be, and say which ones they are.
func TestWorkload(t *testing.T) {
	w := newWorkload(10)
	for n := range 1000 {
		b := w.batch(nil, 3, n)
		assert.InDelta(t, batchBytes, len(b), 1000)
		stored, kept := map[string]any{}, map[string]any{}
		assert.NoError(t, json.Unmarshal(b, &kept))
		assert.NoError(t, json.Unmarshal(w.message(nil, 3, n), &stored))
		assert.Contains(t, kept, "mp_deviceid")
		delete(kept, "mp_deviceid")
		assert.Equal(t, kept, stored)
		caller, number, err := identify(b)
		assert.NoError(t, err)
		assert.Equal(t, []int{3, n}, []int{caller, number})
	}
}
