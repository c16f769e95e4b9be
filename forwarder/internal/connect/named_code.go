package connect

import (
	"regexp"
	"strconv"

	"github.com/IBM/sarama"
)

// Codes that Sarama has no name for (KIP-516).
const (
	errUnknownTopicID      = sarama.KError(100)
	errInconsistentTopicID = sarama.KError(103)
)

// codeNames has Kafka's names (https://kafka.apache.org/protocol.html#protocol_error_codes)
// of those codes that a producer meets and for which Sarama has no sentence.
//
//nolint:gochecknoglobals // constants in all but name
var codeNames = map[sarama.KError]string{
	sarama.ErrProducerFenced: "PRODUCER_FENCED",
	errUnknownTopicID:        "UNKNOWN_TOPIC_ID",
	errInconsistentTopicID:   "INCONSISTENT_TOPIC_ID",
}

// namelessCode begins Sarama's sentence for a code that it does not know.
const namelessCode = "Unknown error, how did this happen? Error code = "

var namelessSentence = regexp.MustCompile(regexp.QuoteMeta(namelessCode) + `(-?\d{1,5})`)

// A namedCodeError is err, in whose text a code has the name that Kafka gives it
// instead of Sarama's question.
type namedCodeError struct{ err error }

func (e *namedCodeError) Unwrap() error { return e.err }

func (e *namedCodeError) Error() string {
	return namelessSentence.ReplaceAllStringFunc(e.err.Error(), func(sentence string) string {
		code, err := strconv.ParseInt(sentence[len(namelessCode):], 10, 16)
		if err != nil { // no code has so many digits
			return sentence
		}
		if name, ok := codeNames[sarama.KError(code)]; ok {
			return "kafka server: " + name
		}
		return "kafka server: error code " + strconv.FormatInt(code, 10)
	})
}
