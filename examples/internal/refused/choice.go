package refused

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Choice is a flag's value: all messages, or those of some numbers. The zero Choice has
// none.
type Choice struct {
	all bool
	of  map[uint64]bool
}

// Any reports whether the flag was set.
func (c *Choice) Any() bool { return c.all || len(c.of) > 0 }

// String returns the choice as [Choice.Set] takes it.
func (c *Choice) String() string {
	if c.all {
		return "all"
	}
	var texts []string
	for _, n := range sorted(c.of) {
		texts = append(texts, strconv.FormatUint(n, 10))
	}
	return strings.Join(texts, ",")
}

// Set takes "all", or numbers with commas between them.
func (c *Choice) Set(text string) error {
	if *c = (Choice{of: map[uint64]bool{}}); text == "all" {
		c.all = true
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return errors.New("give all, or the numbers of the list with commas between them")
		}
		c.of[n] = true
	}
	return nil
}

// has reports whether a number is in c.
func (c *Choice) has(number uint64) bool { return c.all || c.of[number] }

// numbers returns those that c names.
func (c *Choice) numbers() map[uint64]bool { return maps.Clone(c.of) }

func sorted(numbers map[uint64]bool) []uint64 { return slices.Sorted(maps.Keys(numbers)) }
