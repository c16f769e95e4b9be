package saramaconfig

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth"
)

// applyAuthenticator lets a change Net.SASL of cfg and nothing else. The
// configuration that a sees has TLS on, since cfg's dialer uses TLS.
func applyAuthenticator(cfg *sarama.Config, a auth.Authenticator) error {
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
