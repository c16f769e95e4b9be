package connect

import (
	"errors"
	"regexp"

	"github.com/IBM/sarama"
)

// knownTexts are what Apache Kafka adds to an error code without quoting what it
// got: its fixed messages, in which numbers, the names of topics and of mechanisms
// differ. Any other text may hold a message or credentials.
var knownTexts = regexp.MustCompile(`^(?:` +
	`Authentication failed: Invalid username or password` +
	`|Authentication failed: Invalid user credentials` +
	`|Authentication failed: (?:username|password) not specified` +
	`|Authentication failed during authentication due to invalid credentials with SASL mechanism [A-Z0-9-]{1,20}` +
	`|\{"status":"(?:invalid_token|insufficient_scope)"\}` +
	`|Timestamp -?\d{1,19} of message with offset \d{1,19} is out of range\. ` +
	`The timestamp should be within \[-?\d{1,19}, -?\d{1,19}\]` +
	`|One or more records have been rejected(?: due to (?:\d{1,9} record errors in total|invalid timestamp))?` +
	`|Compacted topic cannot accept message without key in topic partition [\w.-]{1,249}-\d{1,10}\.` +
	`|The record batch size in the append to [\w.-]{1,249}-\d{1,10} is \d{1,19} bytes which exceeds the maximum configured value of \d{1,19}\.` +
	`|Message batch size is \d{1,19} bytes in append to partition [\w.-]{1,249}-\d{1,10}, which exceeds the maximum configured segment size of \d{1,19}\.` +
	`)$`)

// KnownText returns a text that a broker adds to an error code if it is one of
// Apache Kafka's own, and "" otherwise: a broker may quote the message or the
// credentials, which belong in no error and no log.
func KnownText(text string) string {
	if knownTexts.MatchString(text) {
		return text
	}
	return ""
}

// withKnownText returns code with the text that the broker adds to it, if that
// is known.
func withKnownText(code sarama.KError, text string) error {
	if text = KnownText(text); text == "" {
		return code
	}
	return &answerError{code, text}
}

// An answerError is an error code with a text of the broker's that is known.
type answerError struct {
	code sarama.KError
	text string
}

func (e *answerError) Error() string { return e.code.Error() + ": " + quote(e.text) }
func (e *answerError) Unwrap() error { return e.code }

// lastSASLCode is beyond all codes of which Kafka answers authentication with one.
const lastSASLCode = sarama.KError(150)

// withoutForeignText returns err without the text that a broker adds to its answer
// to an attempt to authenticate, unless it is known. Sarama puts the text into an
// error that hides the code from errors.As.
func withoutForeignText(err error) error {
	if err == nil || isA[sarama.KError](err) {
		return err
	}
	for code := sarama.ErrUnknown; code < lastSASLCode; code++ {
		if code != sarama.ErrNoError && errors.Is(err, code) {
			text := ""
			if inner := errors.Unwrap(err); inner != nil {
				text = inner.Error()
			}
			return withKnownText(code, text)
		}
	}
	return err
}

// isA reports whether there is a T in the chain of err.
func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
