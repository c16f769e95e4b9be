package doors

import (
	"fmt"
	"os"
	"testing"
)

// The test's program is each of these, too, if a variable says so.
func TestMain(m *testing.M) {
	for variable, run := range map[string]func() error{
		idleVariable:    holdConnections,
		serviceVariable: serve,
	} {
		if os.Getenv(variable) == "" {
			continue
		}
		if err := run(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // this is main
		}
		return
	}
	os.Exit(m.Run()) //nolint:forbidigo // what TestMain is for
}
