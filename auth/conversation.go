package auth

import (
	"fmt"
	"strings"

	"github.com/IBM/sarama"
)

// A conversation authenticates one connection. Sarama calls Begin, then Step
// with each message of the server until Done.
//
// The scram package does the cryptography. It accepts any number of iterations,
// a nonce to which the server added nothing, an empty salt, and extensions that
// change the meaning; the conversation refuses those before scram sees them.
type conversation struct {
	mechanism sarama.SASLMechanism
	begin     func() (*keys, error) // may ask for credentials

	keys  *keys
	step  func(challenge string) (string, error) // a method of scram's conversation, which holds the password
	valid func() bool
	nonce string
	next  conversationStep
}

// A conversationStep is what a conversation does next.
type conversationStep uint8

const (
	greet conversationStep = iota
	prove
	verify
	nothing // the server has proven itself
	fail    // a step has failed, so every further one does
)

var _ sarama.SCRAMClient = (*conversation)(nil)

// Begin implements [sarama.SCRAMClient]. It ignores its arguments: Sarama's
// configuration has placeholders only.
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
		c.next = fail
		return "", &conversationError{c.mechanism, err.Error()}
	}
	return response, nil
}

// Done implements [sarama.SCRAMClient]. It reports whether the server has proven
// that it knows the password.
func (c *conversation) Done() bool { return c.next == nothing }

func (c *conversation) advance(challenge string) (string, error) {
	switch c.next {
	case greet:
		return c.greet()
	case prove:
		return c.prove(challenge)
	case verify:
		return "", c.verify(challenge)
	default:
		return "", errNotUnderWay
	}
}

// greet sends the user name and a nonce.
func (c *conversation) greet() (string, error) {
	if c.step == nil {
		return "", errNotUnderWay
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

// prove answers the salt and the iterations that the server derives keys from.
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
	c.next = nothing
	return nil
}

// A conversationError ends a conversation. It wraps the error that Sarama makes
// of a broker's refusal, so that Sarama does not try again by itself.
type conversationError struct {
	mechanism sarama.SASLMechanism
	reason    string
}

func (e *conversationError) Error() string { return fmt.Sprintf("auth: %s: %s", e.mechanism, e.reason) }
func (e *conversationError) Unwrap() error { return sarama.ErrSASLAuthenticationFailed }
