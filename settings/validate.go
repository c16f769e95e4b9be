package settings

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessageBytes leaves room for the rest of a request within what Sarama
// sends and brokers accept by default (socket.request.max.bytes), 100 MiB.
const maxMessageBytes = 100_000_000

// minMessagesBuffered is how many of the largest messages the buffer must have
// room for.
const minMessagesBuffered = 4

// Validate reports all mistakes in s, joined, each a [*FieldError]. It looks
// at values only: files are read by [TLS.Config] and [Settings.ReadPassword].
func (s Settings) Validate() error {
	return join(append(s.check(), s.checkCredentials()...))
}

// ValidateExceptCredentials is Validate for a program that gets user name and
// password from elsewhere: a user name without a password, a password without
// a user name, and SCRAM without either are no mistakes then.
func (s Settings) ValidateExceptCredentials() error { return join(s.check()) }

// check reports all mistakes but those of checkCredentials.
func (s Settings) check() []*FieldError {
	var m mistakes
	if strings.TrimSpace(s.BootstrapServers) == "" {
		m.add("bootstrap_servers", "", "is required, such as b1.example.com:9093")
	}
	if s.TopicName == "" {
		m.add("topic_name", "", "is required")
	}
	m = append(m, s.checkFields()...)
	m = append(m, s.TLS.checkPair()...)
	return append(m, s.Delivery.checkTogether()...)
}

// checkCredentials reports what of the credentials lacks its other half.
func (s Settings) checkCredentials() []*FieldError {
	var m mistakes
	password := s.Password.IsSet() || s.PasswordFile != ""
	scram := s.AuthenticationMethod == SCRAMSHA256 || s.AuthenticationMethod == SCRAMSHA512
	switch {
	case s.UserName == "" && scram:
		m.add("user_name", "", fmt.Sprintf("is required with authentication_method %s", s.AuthenticationMethod))
	case s.UserName == "" && password:
		m.add("user_name", "", "is required with a password")
	case s.UserName != "" && !password:
		m.add("password", "", "is required with user_name, here or by password_file")
	}
	if s.Password.IsSet() && s.PasswordFile != "" {
		m.add("password_file", s.PasswordFile, passwordTwice)
	}
	return m
}

// checkFields reports the mistakes that show in one field by itself.
func (s Settings) checkFields() []*FieldError {
	m := mistakes(s.checkServers())
	if s.TopicName != "" {
		m.addReason("topic_name", s.TopicName, badTopic(s.TopicName))
	}
	oneOf(&m, "authentication_method", s.AuthenticationMethod, Plain, SCRAMSHA256, SCRAMSHA512)
	m.addReason("user_name", s.UserName, s.badUserName())
	m.addReason("password", "", s.badPassword(s.Password))
	m.addReason("unique_id", s.UniqueID, badText(s.UniqueID))
	for _, f := range s.MetadataFieldExclusion {
		if f == "" {
			m.add("metadata_field_exclusion", "", "has an empty element")
		}
		oneOf(&m, "metadata_field_exclusion", f, DeviceName, IPAddress)
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
	if d.MaxMessageBytes < 0 || d.MaxMessageBytes > maxMessageBytes {
		m.add("delivery.max_message_bytes", fmt.Sprint(d.MaxMessageBytes), fmt.Sprintf("must be from 1 to %d", maxMessageBytes))
	}
	if d.MaxBufferedBytes < 0 {
		m.add("delivery.max_buffered_bytes", fmt.Sprint(d.MaxBufferedBytes), "must not be negative")
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
	least := minMessagesBuffered * int64(d.MaxMessageBytes)
	if d.MaxMessageBytes <= maxMessageBytes && d.MaxBufferedBytes >= 0 && d.MaxBufferedBytes < least {
		m.add("delivery.max_buffered_bytes", fmt.Sprint(d.MaxBufferedBytes),
			fmt.Sprintf("must be at least %d, %d times max_message_bytes", least, minMessagesBuffered))
	}
	return m
}

func codecs() []Compression { return []Compression{NoCompression, Gzip, Snappy, LZ4, Zstd} }

// plain reports whether a user would authenticate with PLAIN.
func (s Settings) plain() bool {
	return s.AuthenticationMethod == "" || s.AuthenticationMethod == Plain
}

func (s Settings) badUserName() string {
	if s.plain() && strings.ContainsRune(s.UserName, 0) {
		return "holds a NUL, which PLAIN cannot carry"
	}
	return badText(s.UserName)
}

func badText(text string) string {
	if !utf8.ValidString(text) {
		return "must be valid UTF-8"
	}
	return ""
}

// badTopic applies the rules that brokers have for names of topics.
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
