package auth

import (
	"fmt"
	"sync"

	"github.com/xdg-go/scram"
)

// keys derives the keys of one login and remembers them: one derivation takes
// milliseconds, and a cluster with many brokers asks for the same one again and
// again.
type keys struct {
	login login
	// client has password and keys in it. Behind a function no printer finds
	// them, not even those that follow pointers.
	client func() *scram.Client

	mu    sync.Mutex
	known map[scram.KeyFactors]struct{} // what client has derived keys for
}

// A broker keeps one salt for a user and all brokers share it. More come from
// changed passwords, or from a server that wants to fill our memory.
const maxKnown = 16

func newKeys(h Hash, l login) (*keys, error) {
	m, generator, err := h.resolve()
	if err != nil {
		return nil, err
	}
	// Unprepped: Kafka takes names and passwords byte for byte.
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

// prove runs the step of a conversation that needs keys for f. One at a time:
// connections that are opened together derive once and not once each.
func (k *keys) prove(f scram.KeyFactors, step func() (string, error)) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[f] = struct{}{}
	return step()
}
