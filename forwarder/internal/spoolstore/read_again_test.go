package spoolstore

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// Writes and syncs of segments fail now and then while a reader adds a file without
// waiting. At a failure it reads again from the position that is stored: each entry
// is stored once, in order, and without a gap, also after a crash.
func TestSource_noGapAfterAFailure(t *testing.T) {
	for seed := range uint64(200) {
		d := disktest.New(seed)
		r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // repeatable
		every := 4 + r.IntN(20)
		d.Before = func(op disktest.Op) error {
			if strings.HasPrefix(op.Name, segmentPrefix) && op.Kind != disktest.Create && r.IntN(every) == 0 { // the disk has one caller at a time
				return errDisk
			}
			return nil
		}
		s := open(t, d, small())
		const all = 60
		again := readFile(t, s, all)
		var want []string
		for i := range all {
			want = append(want, strings.Repeat(fmt.Sprint(i, " "), 100))
		}
		require.Equal(t, want, pending(t, s), "seed %d, read %d times", seed, again)
		s = open(t, crash(t, d, s), small())
		require.Equal(t, want, pending(t, s), "seed %d after a crash", seed)
		offset, _ := s.Position("f")
		assert.Equal(t, int64(all), offset)
	}
}

// readFile adds all entries of a file, as often as it must be read.
func readFile(t *testing.T, s *Store, all int64) (readings int64) {
	t.Helper()
	for {
		from, _ := s.Position("f")
		if from == all {
			return readings
		}
		readings++
		require.Less(t, readings, int64(1000))
		var tickets []Ticket
		for i := from; i < all; i++ {
			e := taggedAs("", strings.Repeat(fmt.Sprint(i, " "), 100), "f", i+1)
			e.Source.Reading = readings
			ticket, err := s.Add(t.Context(), e)
			if err != nil {
				require.ErrorIs(t, err, ErrReadAgain)
				break
			}
			tickets = append(tickets, ticket)
		}
		for _, ticket := range tickets {
			_ = ticket.Wait(t.Context()) // the position says what is stored
		}
	}
}
