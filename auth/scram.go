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

// resolve returns what Sarama and scram call h.
func (h Hash) resolve() (mechanism, scram.HashGeneratorFcn, error) {
	switch h {
	case SHA512:
		return sarama.SASLTypeSCRAMSHA512, scram.SHA512, nil
	case SHA256:
		return sarama.SASLTypeSCRAMSHA256, scram.SHA256, nil
	default:
		return "", nil, fmt.Errorf("auth: SCRAM: unknown hash %s", h)
	}
}

// SCRAM is SASL's SCRAM-SHA-512 or SCRAM-SHA-256 (RFC 5802, RFC 7677, KIP-84):
// client and broker prove to each other that they know the password, which
// neither sends.
//
// User name and password are used byte for byte, without SASLprep, since
// brokers do the same. Before deriving keys from the password, which is slow on
// purpose, SCRAM refuses a broker that asks for fewer than 4,096 or more than
// 16,384 iterations, Kafka's own bounds. It refuses a broker that does not
// prove that it knows the password.
// Such refusals are [sarama.ErrSASLAuthenticationFailed] to [errors.Is], as the
// broker's own are.
//
// Derived keys are kept for further connections, of all configurations that
// the same SCRAM was applied to, until the credentials change. A SCRAM must not
// be copied after its first use, nor its fields changed.
type SCRAM struct {
	Hash     Hash            // the zero value is SHA512
	UserName string          // required, unless Credentials is set
	Password settings.Secret // required, unless Credentials is set

	// Credentials, if set, is asked for both at each connection, which waits
	// meanwhile. UserName and Password must be unset then.
	Credentials Credentials

	mu   sync.Mutex
	keys *keys // of the newest credentials
}

var _ Authenticator = (*SCRAM)(nil)

// Sarama refuses to start without these two, but only passes them on to the
// conversation, which has better ones.
const (
	userPlaceholder     = "[asked at each connection]"
	passwordPlaceholder = "[redacted]"
)

// Apply implements [Authenticator]. It is an error if cfg has no TLS, if Hash
// is unknown, and if user name or password is empty, contains a NUL byte or is
// not UTF-8; what Credentials returns is checked at each connection.
func (s *SCRAM) Apply(cfg *sarama.Config) error {
	m, _, err := s.Hash.resolve()
	if err != nil {
		return err
	}
	a := account{m, s.UserName, s.Password, s.Credentials}
	if err := a.check(); err != nil {
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
			l, err := a.resolve()
			if err != nil {
				return nil, err
			}
			return s.keysOf(l)
		}}
	}
	return nil
}

// keysOf returns the keys of l, old ones if they are those of l.
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
