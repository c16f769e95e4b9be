package demo

import (
	"fmt"
	"os"
	"testing"
)

// TestMain ends at once in the process that Find starts of this program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		fmt.Fprintln(os.Stderr, "no Kafka today")
		os.Exit(3)
	}
	os.Exit(m.Run())
}
