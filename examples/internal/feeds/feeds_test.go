package feeds

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/receiver"
)

// A feed gets both of its secrets; one without variables keeps what it has.
func TestSetSecrets(t *testing.T) {
	list := []receiver.Feed{{Name: "hook"}, {Name: "shop"}}
	variables := map[string]string{"S_hook": "one", "S_hook_2": "two", "S_shop": ""}
	SetSecrets(list, "S_", func(name string) (string, bool) { value, set := variables[name]; return value, set })
	require.Len(t, list[0].Secrets, 2)
	assert.Equal(t, "one", list[0].Secrets[0].Reveal())
	assert.Equal(t, "two", list[0].Secrets[1].Reveal())
	assert.Empty(t, list[1].Secrets)
}
