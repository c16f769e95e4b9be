package batch

import (
	"strconv"

	"github.com/eventferry/eventferry/batch/internal/splice"
)

// WithUserID returns a copy of the batch, as edited, that belongs to this user. Its
// mpid is a number, the only member of that name; of user 0, which means none, it
// has no mpid. The batch itself stays as it is.
//
// This is for programs that make batches, before they give them to a forwarder. A
// filter gains nothing by it, since the forwarder knows the user by then.
func (b *Batch) WithUserID(id int64) *Batch {
	c := b.Clone()
	c.userID = id
	v := c.At("mpid")
	if id == 0 {
		v.remove(splice.Position{})
		return c
	}
	text := strconv.AppendInt(nil, id, 10)
	last, found := c.lastForEdit(c.root(), "mpid")
	if found == 0 {
		c.insert(c.root(), "mpid", text, false)
		return c
	}
	v.remove(last)
	c.replace(last, text, false)
	return c
}
