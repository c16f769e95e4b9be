// Package feeds gives the feeds of the example services their secrets.
package feeds

import (
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// SetSecrets adds to each feed the secrets that variables have: that of prefix and the
// feed's name, and that with _2 behind it. An empty variable counts as unset.
func SetSecrets(list []receiver.Feed, prefix string, lookup func(name string) (string, bool)) {
	for i, f := range list {
		for _, end := range []string{"", "_2"} {
			if secret, _ := lookup(prefix + f.Name + end); secret != "" {
				list[i].Secrets = append(list[i].Secrets, settings.NewSecret(secret))
			}
		}
	}
}
