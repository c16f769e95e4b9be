package batch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithUserID(t *testing.T) {
	for _, tt := range []struct {
		text string
		id   int64
		want string
	}{
		{`{"mpid":"-7","a":1}`, -7, `{"mpid":-7,"a":1}`},
		{`{"a":1,"mpid":7}`, 8, `{"a":1,"mpid":8}`},
		{`{"mpid":7,"a":1,"mpid":"7"}`, 9, `{"a":1,"mpid":9}`},
		{`{"mpi\u0064":null, "a":1}`, 9, `{"mpi\u0064":9, "a":1}`},
		{`{"a":1}`, -9223372036854775808, `{"a":1,"mpid":-9223372036854775808}`},
		{`{}`, 1, `{"mpid":1}`},
		{`{"mpid":"0","a":1}`, 0, `{"a":1}`},
		{`{"a":1,"mpid":null,"mpid":""}`, 0, `{"a":1}`},
		{`{"a":1}`, 0, `{"a":1}`},
	} {
		b := mustParse([]byte(tt.text))
		c := b.WithUserID(tt.id)
		assert.Equal(t, tt.want, string(c.AppendJSON(nil)), tt.text)
		assert.Equal(t, tt.text, string(b.AppendJSON(nil)), "the batch itself")
		again, err := Parse(c.AppendJSON(nil))
		require.NoError(t, err)
		for _, b := range []*Batch{c, c.Clone(), again} {
			id, ok := b.UserID()
			assert.Equal(t, tt.id, id)
			assert.Equal(t, tt.id != 0, ok)
		}
	}
}

func TestWithUserID_keepsEdits(t *testing.T) {
	b := mustParse([]byte(`{"events":[{"event_type":"a"},{"event_type":"b"}],"mpid":"1"}`))
	require.NoError(t, b.At("x").Set(true))
	b.DropEvents("first", func(e Event) bool { return e.Index() == 0 })
	assert.Equal(t, `{"events":[{"event_type":"b"}],"mpid":2,"x":true}`, string(b.WithUserID(2).AppendJSON(nil)))
}
