package settings_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test that runs a forwarder on Kafka with every setting takes minutes, and finds
// only then that it has no value for one. Here that shows at once.
func TestEndToEnd_hasEachVariable(t *testing.T) {
	file := filepath.Join("..", "forwarder", "forwardertest", "internal", "endtoend", "environment_test.go")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the suites are a module of their own and not part of this copy")
	}
	require.NoError(t, err)
	named := regexp.MustCompile(`"(EVENTFERRY_[A-Z0-9_]+)"`).FindAllStringSubmatch(string(text), -1)
	for _, s := range allSettings() {
		assert.True(t, slices.ContainsFunc(named, func(match []string) bool { return match[1] == s.variable() }),
			"%s: give it a value in %s", s.variable(), file)
	}
}
