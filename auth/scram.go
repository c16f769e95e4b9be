package auth

import (
	"fmt"
	"sync"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"github.com/eventferry/eventferry/settings"
)

// A Hash is the hash function of [SCRAM].
type Hash uint8

// The hashes that Kafka has SCRAM mechanisms for (KIP-84).
const (
	SHA512 Hash = iota // SCRAM-SHA-512, the default
	SHA256             // SCRAM-SHA-256
)

// String returns the hash's usual name, such as SHA-512.
func (h Hash) String() string {
	switch h {
	case SHA512:
		return "SHA-512"
	case SHA256:
		return "SHA-256"
	default:
		return fmt.Sprintf("Hash(%d)", uint8(h))
	}
}

// resolve returns h in the terms of Sarama and of scram.
func (h Hash) resolve() (sarama.SASLMechanism, scram.HashGeneratorFcn, error) {
	switch h {
	case SHA512:
		return sarama.SASLTypeSCRAMSHA512, scram.SHA512, nil
	case SHA256:
		return sarama.SASLTypeSCRAMSHA256, scram.SHA256, nil
	default:
		return "", nil, fmt.Errorf("auth: SCRAM: unknown hash %s", h)
	}
}

// SCRAM is SASL's SCRAM-SHA-512 or SCRAM-SHA-256 (RFC 5802, RFC 7677, KIP-84).
// Client and broker prove to each other that they know the password, and
// neither sends it.
//
// The password is used byte for byte, without SASLprep, as brokers do. The user
// name must be ASCII: Kafka refuses any other. Deriving keys from the password
// is slow on purpose, so SCRAM refuses a broker that asks for fewer than 4,096
// or more than 16,384 iterations, Kafka's own bounds, before it derives any. It
// also refuses a broker that does not prove that it knows the password. To
// [errors.Is], both refusals are [sarama.ErrSASLAuthenticationFailed], as the
// broker's own are.
//
// Derived keys are kept for later connections, of all configurations that the
// same SCRAM was applied to, until the credentials change. A SCRAM must not be
// copied after its first use, nor its fields changed.
type SCRAM struct {
	Hash     Hash            // the zero value is SHA512
	UserName string          // required, unless Credentials is set
	Password settings.Secret // required, unless Credentials is set

	// Credentials, if set, returns both for each connection, which waits
	// meanwhile. UserName and Password must be unset then.
	Credentials Credentials

	mu   sync.Mutex
	keys *keys // of the newest credentials
}

var _ Authenticator = (*SCRAM)(nil)

// Sarama requires both, but only passes them on to the conversation, which has
// the real ones.
const (
	userPlaceholder     = "[asked at each connection]"
	passwordPlaceholder = "[redacted]"
)

// Apply implements [Authenticator]. It returns an error if cfg has no TLS, if
// Hash is unknown, if user name or password is empty, contains a NUL byte or is
// not UTF-8, or if the user name is not ASCII. The result of Credentials is
// checked at each connection.
func (s *SCRAM) Apply(cfg *sarama.Config) error {
	m, _, err := s.Hash.resolve()
	if err != nil {
		return err
	}
	source := loginSource{m, login{s.UserName, s.Password}, s.Credentials}
	if err := source.check(); err != nil {
		return err
	}
	userName := s.UserName
	if s.Credentials != nil {
		userName = userPlaceholder
	}
	if err := enable(cfg, m, userName, passwordPlaceholder); err != nil {
		return err
	}
	cfg.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		return &conversation{mechanism: m, begin: func() (*keys, error) {
			l, err := source.resolve()
			if err != nil {
				return nil, err
			}
			return s.keysOf(l)
		}}
	}
	return nil
}

// keysOf returns the keys of l: those that s has, if they belong to l.
func (s *SCRAM) keysOf(l login) (*keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil || !s.keys.belongTo(l) || s.keys.full() {
		k, err := newKeys(s.Hash, l)
		if err != nil {
			return nil, err
		}
		s.keys = k
	}
	return s.keys, nil
}
