package auth

import (
	"fmt"
	"sync"

	"github.com/xdg-go/scram"
)

// keys derives the keys of one login and remembers them. One derivation takes
// milliseconds, and every broker of a cluster asks for the same one.
type keys struct {
	login login
	// The client holds password and keys. A closure hides them from packages
	// that print by reflection, also from those that follow pointers.
	client func() *scram.Client

	mu    sync.Mutex
	known map[scram.KeyFactors]struct{} // those that client has derived keys for
}

// maxKnown bounds the keys of one login. All brokers share one salt per user.
// More come from changed passwords, or from a server that fills our memory.
const maxKnown = 16

func newKeys(h Hash, l login) (*keys, error) {
	m, generator, err := h.resolve()
	if err != nil {
		return nil, err
	}
	// Unprepped: Kafka does not apply SASLprep.
	client, err := generator.NewClientUnprepped(l.userName, l.password.Reveal(), "")
	if err != nil {
		return nil, fmt.Errorf("auth: %s: %w", m, err)
	}
	return &keys{
		login:  l,
		client: func() *scram.Client { return client },
		known:  map[scram.KeyFactors]struct{}{},
	}, nil
}

func (k *keys) belongTo(l login) bool {
	return k.login.userName == l.userName && k.login.password.Equal(l.password)
}

func (k *keys) full() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.known) >= maxKnown
}

// prove runs the step of a conversation that needs keys for f. Steps run one at
// a time, so connections that open together derive keys once.
func (k *keys) prove(f scram.KeyFactors, step func() (string, error)) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[f] = struct{}{}
	return step()
}
