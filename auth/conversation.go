package auth

import (
	"fmt"
	"strings"

	"github.com/IBM/sarama"
)

// A conversation authenticates one connection. Sarama calls Begin, then Step
// with what the server said until Done.
//
// The scram package does the cryptography. What it lets pass is refused here,
// before it sees it: any number of iterations, a nonce to which the server
// added nothing, an empty salt, extensions that change the meaning.
type conversation struct {
	mechanism mechanism
	begin     func() (*keys, error) // may ask for credentials

	keys  *keys
	step  func(challenge string) (string, error) // not the thing itself, which has the password in it
	valid func() bool
	nonce string
	next  stage
}

// A stage is what a conversation does next.
type stage uint8

const (
	greet stage = iota
	prove
	verify
	done
	over // failed
)

var _ sarama.SCRAMClient = (*conversation)(nil)

// Begin implements [sarama.SCRAMClient]. What Sarama has in its configuration
// are placeholders.
func (c *conversation) Begin(_, _, _ string) error {
	k, err := c.begin()
	if err != nil {
		return err
	}
	talk := k.client().NewConversation()
	c.keys, c.step, c.valid = k, talk.Step, talk.Valid
	c.next = greet
	return nil
}

// Step implements [sarama.SCRAMClient].
func (c *conversation) Step(challenge string) (string, error) {
	response, err := c.advance(challenge)
	if err != nil {
		c.next = over
		return "", &refusal{c.mechanism, err.Error()}
	}
	return response, nil
}

// Done implements [sarama.SCRAMClient]: true only once the server has proven
// that it knows the password.
func (c *conversation) Done() bool { return c.next == done }

func (c *conversation) advance(challenge string) (string, error) {
	switch c.next {
	case greet:
		return c.greet()
	case prove:
		return c.prove(challenge)
	case verify:
		return "", c.verify(challenge)
	default:
		return "", errOver
	}
}

// greet sends the user name and a nonce.
func (c *conversation) greet() (string, error) {
	if c.step == nil {
		return "", errOver
	}
	first, err := c.step("")
	if err != nil {
		return "", err
	}
	// A comma in a user name is escaped, so this one begins the nonce.
	_, c.nonce, _ = strings.Cut(first, ",r=")
	c.next = prove
	return first, nil
}

// prove answers what the server wants the keys to be derived from.
func (c *conversation) prove(challenge string) (string, error) {
	factors, err := parseServerFirst(challenge, c.nonce)
	if err != nil {
		return "", err
	}
	proof, err := c.keys.prove(factors, func() (string, error) { return c.step(challenge) })
	if err != nil {
		return "", err
	}
	c.next = verify
	return proof, nil
}

// verify checks the server's own proof.
func (c *conversation) verify(challenge string) error {
	if err := parseServerFinal(challenge); err != nil {
		return err
	}
	if _, err := c.step(challenge); err != nil || !c.valid() {
		return errSignature
	}
	c.next = done
	return nil
}

// A refusal ends a conversation. To whoever looks into the chain it is what
// Sarama makes of a broker's refusal, which it does not try again by itself.
type refusal struct {
	mechanism mechanism
	reason    string
}

func (r *refusal) Error() string { return fmt.Sprintf("auth: %s: %s", r.mechanism, r.reason) }
func (r *refusal) Unwrap() error { return sarama.ErrSASLAuthenticationFailed }
