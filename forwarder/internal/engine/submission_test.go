package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func submissionsInOrder(f *submissionList) (list []*submission) {
	var previous *submission
	for s := f.first; s != nil; s = s.following {
		if s.list != f || s.previous != previous {
			return nil
		}
		list = append(list, s)
		previous = s
	}
	if f.last != previous {
		return nil
	}
	return list
}

func TestSubmissionList(t *testing.T) {
	var f submissionList
	a, b, c := &submission{}, &submission{}, &submission{}
	assert.True(t, f.empty())
	f.pushBack(b)
	f.pushBack(c)
	f.pushFront(a)
	assert.Equal(t, []*submission{a, b, c}, submissionsInOrder(&f))
	f.remove(b)
	assert.Equal(t, []*submission{a, c}, submissionsInOrder(&f))
	assert.Nil(t, b.list)
	f.remove(a)
	f.pushBack(b)
	assert.Equal(t, []*submission{c, b}, submissionsInOrder(&f))
	f.remove(b)
	f.remove(c)
	assert.True(t, f.empty())
	assert.Nil(t, f.last)
}
