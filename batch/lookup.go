package batch

import "github.com/eventferry/eventferry/batch/internal/splice"

// A lookup helps edits find members of large objects by name. Without it each edit
// goes through its object, and many edits of one object through it again and again.
type lookup struct {
	slow      int // edits that went through a large object
	documents int32
	objects   map[objectKey]*objectIndex
}

// An objectKey stands for a [splice.Position]. Those must not be kept: the paths
// that lead to them would all have to live on the heap.
type objectKey struct {
	document int32 // its ID
	offset   int
}

const (
	largeObject  = 32 // entries
	fewSlowEdits = 16 // so few are not worth an index
)

// noteSearch takes note of an edit that went through the entries of the large object
// at p. Reading goes through them, too, but must not write to a batch.
func (c *content) noteSearch(p splice.Position) {
	if c.lookup == nil {
		c.lookup = &lookup{}
	}
	if c.lookup.slow++; c.lookup.slow <= fewSlowEdits {
		return
	}
	if c.lookup.objects == nil {
		c.lookup.objects = map[objectKey]*objectIndex{}
	}
	if p.Doc.ID == 0 {
		c.lookup.documents++
		p.Doc.ID = c.lookup.documents
	}
	if key := (objectKey{p.Doc.ID, p.Offset}); c.lookup.objects[key] == nil {
		c.lookup.objects[key] = newObjectIndex(c.entries(p))
	}
}

// objectIndex returns the index of the object at p, or nil.
func (c *content) objectIndex(p splice.Position) *objectIndex {
	if c.lookup == nil {
		return nil
	}
	return c.lookup.objects[objectKey{p.Doc.ID, p.Offset}]
}

// An objectIndex holds the members of an object's text by name. The text never
// changes, so the index stays right. It does not know which members were cut.
type objectIndex struct {
	members []indexedMember
	named   map[string]chain
	end     int // after the last member
}

type indexedMember struct {
	prev, at, colon, value, end int // as in a cursor
	escaped                     bool
	next                        int // 1 + the index of the next one of that name; 0: none
}

// newObjectIndex takes a cursor before the first member.
func newObjectIndex(cur cursor) *objectIndex {
	x := &objectIndex{named: map[string]chain{}}
	for cur.scan() {
		i := len(x.members)
		x.members = append(x.members, indexedMember{cur.prev, cur.at, cur.colon, cur.value, cur.end, cur.escaped, 0})
		if same, ok := addToChain(x.named, cur.name(), i); ok {
			x.members[same].next = i + 1
		}
	}
	x.end = cur.end
	return x
}

// A chain holds the indexes of the first and the last member of one name.
type chain struct{ first, last int }

// addToChain adds a member to those of its name, and returns the last one before
// it, if there is one.
func addToChain(named map[string]chain, name string, i int) (last int, ok bool) {
	same, ok := named[name]
	last = same.last
	if !ok {
		same.first = i
	}
	same.last = i
	named[name] = same
	return last, ok
}
