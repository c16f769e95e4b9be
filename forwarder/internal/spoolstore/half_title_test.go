package spoolstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// A title whose write has failed after a part of it is no damage, and neither has
// what a page of zeros has taken.
func TestDamage_halfATitle(t *testing.T) {
	whole := (&title{kind: logSegment, seq: 3, first: 9, ends: []segmentEnd{{1, 2, 9}}}).bytes()
	part, frame := whole[:24], []byte{1}
	for name, c := range map[string]struct {
		writes map[int64][]byte
		want   error
	}{
		"nothing":             {nil, errSpare},
		"an old frame":        {map[int64][]byte{titleSpace + 3: frame}, errSpare},
		"a part":              {map[int64][]byte{0: part}, errSpare},
		"a part and a frame":  {map[int64][]byte{0: part, titleSpace + 3: frame}, errNoTitle},
		"part of the second":  {map[int64][]byte{titleSize: part}, errNoTitle},
		"the first copy":      {map[int64][]byte{0: whole[:titleSize]}, nil},
		"the second copy":     {map[int64][]byte{titleSize: whole[titleSize:]}, nil},
		"a part, then second": {map[int64][]byte{0: part, titleSize: whole[titleSize:]}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := disktest.New(1).Create("segment", 2*titleSpace)
			require.NoError(t, err)
			for at, b := range c.writes {
				_, err = f.WriteAt(b, at)
				require.NoError(t, err)
			}
			got, err := readTitle(f)
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				assert.Equal(t, uint64(9), got.first)
			}
		})
	}
}
