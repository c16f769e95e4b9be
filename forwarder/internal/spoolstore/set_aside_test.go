package spoolstore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// What was set aside stays when a file of the same name is set aside later.
func TestStore_setsAsideTwice(t *testing.T) {
	d, values := leaveFolder(t, 1, "own")
	files := map[string]func(*disktest.Disk) []byte{
		controlName:     func(other *disktest.Disk) []byte { return other.Bytes(controlName) },
		segmentName(90): func(other *disktest.Disk) []byte { return other.Bytes(segmentName(1)) },
	}
	for name, aside := range map[string]string{controlName: "damaged-control", segmentName(90): "damaged-00000090"} {
		var kept [][]byte
		for seed := range uint64(3) {
			other, _ := leaveFolder(t, 2+seed, "foreign")
			b := slices.Clone(files[name](other))
			kept = append(kept, b)
			putFile(t, d, name, b)
			s := open(t, d, small())
			assert.Equal(t, values, pending(t, s))
			assert.Len(t, s.Damage(), 1)
			stop(t, s)
		}
		assert.Equal(t, kept, [][]byte{d.Bytes(aside), d.Bytes(aside + "-2"), d.Bytes(aside + "-3")})
	}
}
