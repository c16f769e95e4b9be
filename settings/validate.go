package settings

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// messageBytesLimit leaves room for the rest of a request within
// requestBytesLimit.
const messageBytesLimit = 100_000_000

// requestBytesLimit is the largest request that brokers accept by default
// (socket.request.max.bytes) and that Sarama sends by default, 100 MiB.
const requestBytesLimit = 104_857_600

// minMessagesBuffered is the number of largest messages that the buffer must
// have room for.
const minMessagesBuffered = 4

// minMessagesSpooled is how many largest messages a spool must have room for: it
// has four segments at least, and a message is in one of them.
const minMessagesSpooled = 8

// Validate reports all mistakes in s, joined, each a [*FieldError]. It looks
// at values only: files are read by [TLS.Config] and [Settings.ReadPassword].
func (s Settings) Validate() error {
	return join(append(s.check(), s.checkCredentials()...))
}

// ValidateExceptCredentials is for programs that take user name and password
// from elsewhere, as the forwarder does under its options WithAuthenticator and
// WithCredentials. It is Validate, but accepts a user name without a password,
// a password without a user name, and SCRAM without either.
func (s Settings) ValidateExceptCredentials() error { return join(s.check()) }

// check reports all mistakes but those of checkCredentials.
func (s Settings) check() []*FieldError {
	var m mistakes
	if len(s.Servers()) == 0 {
		m.add("bootstrap_servers", "", "is required, such as b1.example.com:9093")
	}
	if s.TopicName == "" {
		m.add("topic_name", "", "is required")
	}
	s.nameMissing(m)
	m = append(m, s.checkFields()...)
	pair := s.TLS.checkPair()
	s.nameMissing(pair)
	m = append(m, pair...)
	m = append(m, s.Delivery.checkTogether()...)
	m = append(m, s.Spool.check(s.Delivery)...)
	if s.Spool.Window != 0 && s.SendAsBatch == Off {
		m.add("spool.window", s.Spool.Window.String(), "gathers events, and send_as_batch is off: leave one of them out")
	}
	return m
}

// checkCredentials reports a user name without a password, a password without a
// user name, a mechanism without either, and two passwords.
func (s Settings) checkCredentials() []*FieldError {
	var m mistakes
	password := s.Password.IsSet() || s.PasswordFile != ""
	switch {
	case s.UserName == "" && s.scram():
		m.add("user_name", "", fmt.Sprintf("is required with authentication_method %s", s.AuthenticationMethod))
	case s.UserName == "" && password:
		m.add("user_name", "", "is required with a password")
	case s.UserName != "" && !password:
		m.add("password", "", "is required with user_name, here or by password_file")
	}
	s.nameMissing(m)
	if s.Password.IsSet() && s.PasswordFile != "" {
		m.add("password_file", s.PasswordFile, passwordTwice)
	}
	return m
}

// nameMissing names the variables of settings that are missing, if others come from
// the environment.
func (s Settings) nameMissing(missing mistakes) {
	for _, m := range missing {
		if s.fromEnv {
			m.Variable = variable(m.Field)
		}
	}
}

// checkFields reports the mistakes that show in one field by itself.
func (s Settings) checkFields() []*FieldError {
	m := mistakes(s.checkServers())
	m.addReason("topic_name", s.TopicName, badTopic(s.TopicName))
	oneOf(&m, "authentication_method", s.AuthenticationMethod, Plain, SCRAMSHA256, SCRAMSHA512)
	m.addReason("user_name", s.UserName, s.badUserName())
	m.addReason("password", "", badPassword(s.Password))
	m.addReason("unique_id", s.UniqueID, badText(s.UniqueID))
	for _, f := range s.MetadataFieldExclusion {
		if f == "" {
			m.add("metadata_field_exclusion", "", "has an empty element")
		}
		oneOf(&m, "metadata_field_exclusion", f, DeviceName, IPAddress)
	}
	if err := s.Filters.Check(); err != nil {
		m.add("filters", "", err.Error())
	}
	for _, f := range fields(&s) {
		if t, ok := f.value.Interface().(Toggle); ok && t.String() == "invalid" {
			m.add(f.key, fmt.Sprint(int8(t)), "must be Default, On or Off")
		}
	}
	m = append(m, s.TLS.checkFields()...)
	return append(m, s.Delivery.checkFields()...)
}

func (t TLS) checkFields() []*FieldError {
	var m mistakes
	if t.ServerName != "" && !validHost(t.ServerName) {
		m.add("tls.server_name", t.ServerName, "must be a host name, without a port")
	}
	oneOf(&m, "tls.min_version", t.MinVersion, TLS12, TLS13)
	return m
}

func (t TLS) checkPair() []*FieldError {
	var m mistakes
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		m.add("tls.key_file", "", "is required with tls.cert_file")
	case t.CertFile == "" && t.KeyFile != "":
		m.add("tls.cert_file", "", "is required with tls.key_file")
	}
	return m
}

func (d Delivery) checkFields() []*FieldError {
	var m mistakes
	m.addReason("delivery.client_id", d.ClientID, badClientID(d.ClientID))
	oneOf(&m, "delivery.compression", d.Compression, codecs()...)
	if d.Linger < 0 {
		m.add("delivery.linger", d.Linger.String(), "must not be negative")
	}
	if d.MaxMessageBytes < 0 || d.MaxMessageBytes > messageBytesLimit {
		m.add("delivery.max_message_bytes", fmt.Sprint(d.MaxMessageBytes), fmt.Sprintf("must be from 1 to %d", messageBytesLimit))
	}
	if d.MaxRequestBytes < 0 || d.MaxRequestBytes > requestBytesLimit {
		m.add("delivery.max_request_bytes", fmt.Sprint(d.MaxRequestBytes), fmt.Sprintf("must be from 1 to %d", requestBytesLimit))
	}
	if d.MaxBufferedBytes < 0 {
		m.add("delivery.max_buffered_bytes", fmt.Sprint(d.MaxBufferedBytes), "must not be negative")
	}
	if d.MaxConnectionAge < 0 || d.MaxConnectionAge > 0 && d.MaxConnectionAge < time.Second {
		m.add("delivery.max_connection_age", d.MaxConnectionAge.String(), "must be 0 or at least 1s")
	}
	oneOf(&m, "delivery.partitioner", d.Partitioner, Murmur2, FNV1a, CRC32)
	return m
}

// checkTogether reports the mistakes that show in two fields, or in one and
// the default of another.
func (d Delivery) checkTogether() []*FieldError {
	var m mistakes
	given := d.CompressionLevel
	d = d.withDefaults()
	const level = "delivery.compression_level"
	switch l := d.Compression.levels(); {
	case given == 0 || !slices.Contains(codecs(), d.Compression):
	case l == levels{}:
		m.add(level, fmt.Sprint(given), fmt.Sprintf("must be unset: compression %s has no levels", d.Compression))
	case given < l.lowest || given > l.highest:
		m.add(level, fmt.Sprint(given), fmt.Sprintf("must be from %d to %d for compression %s", l.lowest, l.highest, d.Compression))
	}
	if d.MaxMessageBytes > messageBytesLimit {
		return m // checkFields reports it, and what follows from it is no help
	}
	if least := d.MaxMessageBytes + requestOverhead; d.MaxRequestBytes >= 0 && d.MaxRequestBytes < least {
		m.add("delivery.max_request_bytes", fmt.Sprint(d.MaxRequestBytes),
			fmt.Sprintf("must be at least %d, max_message_bytes + %d", least, requestOverhead))
	}
	least := minMessagesBuffered * int64(d.MaxMessageBytes)
	if d.MaxBufferedBytes >= 0 && d.MaxBufferedBytes < least {
		m.add("delivery.max_buffered_bytes", fmt.Sprint(d.MaxBufferedBytes),
			fmt.Sprintf("must be at least %d, %d times max_message_bytes", least, minMessagesBuffered))
	}
	return m
}

func (s Spool) check(d Delivery) []*FieldError {
	var m mistakes
	m.addReason("spool.dir", s.Dir, badText(s.Dir))
	if s.Window != 0 && (s.Window < time.Second || s.Window > time.Hour) {
		m.add("spool.window", s.Window.String(), "must be 0 or from 1s to 1h")
	}
	d = d.withDefaults()
	least := minMessagesSpooled * int64(d.MaxMessageBytes)
	if s = s.withDefaults(); d.MaxMessageBytes <= messageBytesLimit && s.MaxBytes < least {
		m.add("spool.max_bytes", fmt.Sprint(s.MaxBytes),
			fmt.Sprintf("must be at least %d, %d times max_message_bytes", least, minMessagesSpooled))
	}
	return m
}

func codecs() []Compression { return []Compression{NoCompression, Gzip, Snappy, LZ4, Zstd} }

// scram reports whether a user would authenticate with SCRAM.
func (s Settings) scram() bool {
	return s.AuthenticationMethod == SCRAMSHA256 || s.AuthenticationMethod == SCRAMSHA512
}

// badUserName says what is wrong with the user name. Kafka matches SCRAM's
// against a pattern of ASCII characters and answers to any other as to a wrong
// password.
func (s Settings) badUserName() string {
	if reason := badCredential(s.UserName); reason != "" {
		return reason
	}
	if s.scram() && strings.ContainsFunc(s.UserName, func(r rune) bool { return r > unicode.MaxASCII }) {
		return fmt.Sprintf("must be ASCII for authentication_method %s: Kafka accepts other characters for PLAIN only", s.AuthenticationMethod)
	}
	return ""
}

// badCredential says what is wrong with a user name or a password, without
// showing it. RFC 4616 separates them by NUL, and RFC 5802 excludes it.
func badCredential(text string) string {
	if strings.ContainsRune(text, 0) {
		return "holds a NUL, which SASL cannot carry"
	}
	return badText(text)
}

func badText(text string) string {
	if !utf8.ValidString(text) {
		return "must be valid UTF-8"
	}
	return ""
}

// badTopic applies the brokers' rules for topic names to one that is set.
func badTopic(name string) string {
	switch {
	case len(name) > 249:
		return "must not be longer than 249 bytes"
	case name == "." || name == "..":
		return "must not be . or .."
	case !onlyContains(name, "._-"):
		return "must hold nothing but ASCII letters, digits, '.', '_' and '-'"
	default:
		return ""
	}
}

func badClientID(id string) string {
	switch {
	case len(id) > 32767: // the length is an int16 in Kafka's protocol
		return "must not be longer than 32767 bytes"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "must not hold control characters"
	default:
		return badText(id)
	}
}

type mistakes []*FieldError

func (m *mistakes) add(key, value, reason string) {
	*m = append(*m, &FieldError{Field: key, Value: value, Reason: reason})
}

// addReason adds a mistake unless reason is empty.
func (m *mistakes) addReason(key, value, reason string) {
	if reason != "" {
		m.add(key, value, reason)
	}
}

// oneOf adds a mistake if value is neither unset nor one of known.
func oneOf[T ~string](m *mistakes, key string, value T, known ...T) {
	if value == "" || slices.Contains(known, value) {
		return
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	m.add(key, string(value), "must be one of "+strings.Join(names, ", "))
}
