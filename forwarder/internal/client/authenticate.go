package client

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
)

// authenticate lets a change Net.SASL of cfg and nothing else. a finds TLS on,
// which it is: cfg's dialer sees to that.
func authenticate(cfg *sarama.Config, a auth.Authenticator) error {
	if a == nil {
		return nil
	}
	scratch := sarama.NewConfig()
	scratch.ClientID, scratch.Version = cfg.ClientID, cfg.Version
	scratch.Net.TLS.Enable = true
	if err := a.Apply(scratch); err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	cfg.Net.SASL = scratch.Net.SASL
	return nil
}
