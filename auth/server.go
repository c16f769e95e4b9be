package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xdg-go/scram"
)

// Kafka's own bounds for iterations (ScramMechanism). Fewer make passwords easy
// to guess from an overheard conversation; more would let a hostile server burn
// our time.
const (
	minIterations = 4_096
	maxIterations = 16_384
)

const (
	maxServerMessage = 4_096 // bytes, many times what brokers send
	maxServerError   = 64    // bytes; longer errors of the server are not quoted
)

var (
	errNotUnderWay = errors.New("the conversation is not under way")
	errSignature   = errors.New("the server did not prove that it knows the password")
)

// parseServerFirst checks a server's first message (RFC 5802, section 7) and
// returns the factors to derive keys from. nonce is the client's.
func parseServerFirst(message, nonce string) (scram.KeyFactors, error) {
	none := scram.KeyFactors{}
	attributes, err := parseAttributes(message)
	if err != nil {
		return none, err
	}
	if len(attributes) < 3 || attributes[0].name != 'r' || attributes[1].name != 's' || attributes[2].name != 'i' {
		return none, errors.New("the server's first message is not nonce, salt and iterations")
	}
	added, ok := strings.CutPrefix(attributes[0].value, nonce)
	if !ok {
		return none, errors.New("the server's nonce does not continue ours")
	}
	if added == "" || !isNonce(added) {
		return none, errors.New("the server added no nonce of its own")
	}
	salt, err := base64.StdEncoding.Strict().DecodeString(attributes[1].value)
	if err != nil || len(salt) == 0 {
		return none, errors.New("the server's salt is empty or not base64")
	}
	iterations, err := parseIterations(attributes[2].value)
	if err != nil {
		return none, err
	}
	return scram.KeyFactors{Salt: string(salt), Iters: iterations}, checkExtensions(attributes[3:])
}

func parseIterations(digits string) (int, error) {
	if strings.Trim(digits, "0123456789") != "" || strings.HasPrefix(digits, "0") || digits == "" {
		return 0, errors.New("the server's iterations are not a positive number")
	}
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || n > maxIterations: // an error here is a number out of range
		return 0, fmt.Errorf("the server wants more than %d iterations", maxIterations)
	case n < minIterations:
		return 0, fmt.Errorf("the server wants %d iterations, which is fewer than %d", n, minIterations)
	}
	return n, nil
}

// parseServerFinal checks the form of a server's final message. Its signature is
// checked with the keys.
func parseServerFinal(message string) error {
	attributes, err := parseAttributes(message)
	if err != nil {
		return err
	}
	if attributes[0].name != 'v' {
		return errSignature
	}
	if _, err := base64.StdEncoding.Strict().DecodeString(attributes[0].value); err != nil {
		return errSignature
	}
	return checkExtensions(attributes[1:])
}

// An attribute is one name=value of a message.
type attribute struct {
	name  byte
	value string
}

// parseAttributes returns at least one attribute. It refuses a repeated
// attribute, an extension that must be understood, and an error of the server.
func parseAttributes(message string) ([]attribute, error) {
	if len(message) > maxServerMessage {
		return nil, errors.New("the server's message is too long")
	}
	if !utf8.ValidString(message) || strings.ContainsFunc(message, unicode.IsControl) {
		return nil, errors.New("the server's message is not text")
	}
	var all []attribute
	var seen [256]bool
	for part := range strings.SplitSeq(message, ",") {
		if len(part) < 2 || part[1] != '=' || !isLetter(part[0]) {
			return nil, errors.New("the server's message is malformed")
		}
		a := attribute{part[0], part[2:]}
		switch {
		case seen[a.name]:
			return nil, fmt.Errorf("the server says %c= twice", a.name)
		case a.name == 'm':
			return nil, errors.New("the server demands an unknown extension")
		case a.name == 'e':
			return nil, serverError(a.value)
		}
		seen[a.name] = true
		all = append(all, a)
	}
	return all, nil
}

// serverError returns an error that quotes a value in the form of RFC 5802's,
// such as invalid-proof. Another value may hold anything, credentials included.
func serverError(value string) error {
	if len(value) > maxServerError || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return errors.New("the server refused, with an error in an unknown form")
	}
	return fmt.Errorf("the server refused: %q", value)
}

// checkExtensions accepts optional extensions, as RFC 5802 demands. An attribute
// that has a meaning elsewhere is none.
func checkExtensions(extensions []attribute) error {
	for _, x := range extensions {
		if strings.IndexByte("anmrcsipve", x.name) >= 0 || x.value == "" {
			return fmt.Errorf("the server's message has a misplaced %c=", x.name)
		}
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isNonce reports whether s is printable ASCII.
func isNonce(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e })
}
