package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func order(f *fifo) (list []*entry) {
	var previous *entry
	for t := f.first; t != nil; t = t.followed {
		if t.in != f || t.previous != previous {
			return nil
		}
		list = append(list, t)
		previous = t
	}
	if f.last != previous {
		return nil
	}
	return list
}

func TestFifo(t *testing.T) {
	var f fifo
	a, b, c := &entry{}, &entry{}, &entry{}
	assert.True(t, f.empty())
	f.pushBack(b)
	f.pushBack(c)
	f.pushFront(a)
	assert.Equal(t, []*entry{a, b, c}, order(&f))
	f.remove(b)
	assert.Equal(t, []*entry{a, c}, order(&f))
	assert.Nil(t, b.in)
	f.remove(a)
	f.pushBack(b)
	assert.Equal(t, []*entry{c, b}, order(&f))
	f.remove(b)
	f.remove(c)
	assert.True(t, f.empty())
	assert.Nil(t, f.last)
}
