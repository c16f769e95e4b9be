package settings_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// valid has what is required, and nothing else.
func valid() settings.Settings {
	return settings.Settings{BootstrapServers: "b1:9093", TopicName: "events"}
}

func TestValidate_accepts(t *testing.T) {
	secret := settings.NewSecret(password)
	for name, change := range map[string]func(*settings.Settings){
		"the least":            func(*settings.Settings) {},
		"all defaults":         func(s *settings.Settings) { *s = s.WithDefaults() },
		"PLAIN without a user": func(s *settings.Settings) { s.AuthenticationMethod = settings.Plain },
		"user and password":    func(s *settings.Settings) { s.UserName, s.Password = "ü", secret },
		"user and file":        func(s *settings.Settings) { s.UserName, s.PasswordFile = "u", "f" },
		"SCRAM": func(s *settings.Settings) {
			s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA256, "u", secret
		},
		"SCRAM with all of ASCII": func(s *settings.Settings) {
			s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, "\x01,= \x7f", settings.NewSecret("p\u00fc\x01")
		},
		"topic of 249":               func(s *settings.Settings) { s.TopicName = strings.Repeat("a", 249) },
		"topic with all it may have": func(s *settings.Settings) { s.TopicName = "aZ09._-" },
		"three dots":                 func(s *settings.Settings) { s.TopicName = "..." },
		"client certificate":         func(s *settings.Settings) { s.TLS.CertFile, s.TLS.KeyFile = "c", "k" },
		"server name, v6":            func(s *settings.Settings) { s.TLS.ServerName = "::1" },
		"zstd at its hardest":        func(s *settings.Settings) { s.Delivery.CompressionLevel = 22 },
		"gzip at its hardest":        func(s *settings.Settings) { s.Delivery.Compression, s.Delivery.CompressionLevel = settings.Gzip, 9 },
		"lz4":                        func(s *settings.Settings) { s.Delivery.Compression = settings.LZ4 },
		"the largest message": func(s *settings.Settings) {
			s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 100_000_000, 400_000_000
		},
		"the smallest buffer": func(s *settings.Settings) { s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 1, 4 },
		"the smallest request": func(s *settings.Settings) {
			s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 20_000, 21_024
		},
		"the largest request": func(s *settings.Settings) { s.Delivery.MaxRequestBytes = 104_857_600 },
		"a linger":            func(s *settings.Settings) { s.Delivery.Linger = time.Second },
		"the least age":       func(s *settings.Settings) { s.Delivery.MaxConnectionAge = time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			change(&s)
			require.NoError(t, s.Validate())
			require.NoError(t, s.ValidateExceptCredentials())
		})
	}
}

func TestValidate_refuses(t *testing.T) {
	secret := settings.NewSecret(password)
	const holdsNUL = "holds a NUL, which SASL cannot carry"
	const charset = "must hold nothing but ASCII letters, digits, '.', '_' and '-'"
	for name, tc := range map[string]struct {
		change               func(*settings.Settings)
		field, value, reason string
	}{
		"no topic":         {func(s *settings.Settings) { s.TopicName = "" }, "topic_name", "", "is required"},
		"topic of 250":     {func(s *settings.Settings) { s.TopicName = strings.Repeat("a", 250) }, "topic_name", strings.Repeat("a", 250), "must not be longer than 249 bytes"},
		"topic .":          {func(s *settings.Settings) { s.TopicName = "." }, "topic_name", ".", "must not be . or .."},
		"topic ..":         {func(s *settings.Settings) { s.TopicName = ".." }, "topic_name", "..", "must not be . or .."},
		"topic of others":  {func(s *settings.Settings) { s.TopicName = "évents" }, "topic_name", "évents", charset},
		"topic with space": {func(s *settings.Settings) { s.TopicName = "events " }, "topic_name", "events ", charset},
		"method": {func(s *settings.Settings) { s.AuthenticationMethod = "scram-sha-512" },
			"authentication_method", "scram-sha-512", "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
		"SCRAM without user": {func(s *settings.Settings) { s.AuthenticationMethod = settings.SCRAMSHA256 },
			"user_name", "", "is required with authentication_method SCRAM-SHA-256"},
		"SCRAM, password only": {func(s *settings.Settings) { s.AuthenticationMethod, s.Password = settings.SCRAMSHA512, secret },
			"user_name", "", "is required with authentication_method SCRAM-SHA-512"},
		"password only": {func(s *settings.Settings) { s.Password = secret }, "user_name", "", "is required with a password"},
		"file only":     {func(s *settings.Settings) { s.PasswordFile = "f" }, "user_name", "", "is required with a password"},
		"user only":     {func(s *settings.Settings) { s.UserName = "u" }, "password", "", "is required with user_name, here or by password_file"},
		"password twice": {func(s *settings.Settings) { s.UserName, s.Password, s.PasswordFile = "u", secret, "f" },
			"password_file", "f", "must not be set when password is"},
		"user with NUL":      {func(s *settings.Settings) { s.UserName, s.Password = "u\x00", secret }, "user_name", "u\x00", holdsNUL},
		"password with NUL":  {func(s *settings.Settings) { s.UserName, s.Password = "u", settings.NewSecret(password+"\x00") }, "password", "", holdsNUL},
		"password not UTF-8": {func(s *settings.Settings) { s.UserName, s.Password = "u", settings.NewSecret(password+"\xff") }, "password", "", "must be valid UTF-8"},
		"password redacted": {func(s *settings.Settings) { s.UserName, s.Password = "u", settings.NewSecret("[redacted]") },
			"password", "", "is the text [redacted]: the secret was lost when these settings were printed"},
		"SCRAM user with NUL": {func(s *settings.Settings) {
			s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, "u\x00", secret
		}, "user_name", "u\x00", holdsNUL},
		"SCRAM password with NUL": {func(s *settings.Settings) {
			s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA256, "u", settings.NewSecret(password+"\x00")
		}, "password", "", holdsNUL},
		"SCRAM user beyond ASCII": {func(s *settings.Settings) {
			s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, "\u00fc", secret
		}, "user_name", "\u00fc", "must be ASCII for authentication_method SCRAM-SHA-512: Kafka accepts other characters for PLAIN only"},
		"user not UTF-8": {func(s *settings.Settings) { s.UserName, s.Password = "\xff", secret }, "user_name", "\xff", "must be valid UTF-8"},
		"unique id":      {func(s *settings.Settings) { s.UniqueID = "a\xff" }, "unique_id", "a\xff", "must be valid UTF-8"},
		"metadata field": {func(s *settings.Settings) { s.MetadataFieldExclusion = []settings.MetadataField{"ip"} },
			"metadata_field_exclusion", "ip", "must be one of device_name, ip_address"},
		"no metadata field": {func(s *settings.Settings) { s.MetadataFieldExclusion = []settings.MetadataField{""} },
			"metadata_field_exclusion", "", "has an empty element"},
		"toggle":          {func(s *settings.Settings) { s.IncludeMPDeviceID = 3 }, "include_mp_device_id", "3", "must be Default, On or Off"},
		"cert alone":      {func(s *settings.Settings) { s.TLS.CertFile = "c" }, "tls.key_file", "", "is required with tls.cert_file"},
		"key alone":       {func(s *settings.Settings) { s.TLS.KeyFile = "k" }, "tls.cert_file", "", "is required with tls.key_file"},
		"server and port": {func(s *settings.Settings) { s.TLS.ServerName = "b1:9093" }, "tls.server_name", "b1:9093", "must be a host name, without a port"},
		"TLS 1.1":         {func(s *settings.Settings) { s.TLS.MinVersion = "1.1" }, "tls.min_version", "1.1", "must be one of 1.2, 1.3"},
		"client id":       {func(s *settings.Settings) { s.Delivery.ClientID = "a\n" }, "delivery.client_id", "a\n", "must not hold control characters"},
		"compression":     {func(s *settings.Settings) { s.Delivery.Compression = "brotli" }, "delivery.compression", "brotli", "must be one of none, gzip, snappy, lz4, zstd"},
		"unknown compression, any level": {func(s *settings.Settings) { s.Delivery.Compression, s.Delivery.CompressionLevel = "br", 3 },
			"delivery.compression", "br", "must be one of none, gzip, snappy, lz4, zstd"},
		"zstd level":     {func(s *settings.Settings) { s.Delivery.CompressionLevel = 23 }, "delivery.compression_level", "23", "must be from 1 to 22 for compression zstd"},
		"negative level": {func(s *settings.Settings) { s.Delivery.CompressionLevel = -1 }, "delivery.compression_level", "-1", "must be from 1 to 22 for compression zstd"},
		"gzip level": {func(s *settings.Settings) { s.Delivery.Compression, s.Delivery.CompressionLevel = settings.Gzip, 10 },
			"delivery.compression_level", "10", "must be from 1 to 9 for compression gzip"},
		"lz4 level": {func(s *settings.Settings) { s.Delivery.Compression, s.Delivery.CompressionLevel = settings.LZ4, 1 },
			"delivery.compression_level", "1", "must be unset: compression lz4 has no levels"},
		"age":         {func(s *settings.Settings) { s.Delivery.MaxConnectionAge = -time.Hour }, "delivery.max_connection_age", "-1h0m0s", "must be 0 or at least 1s"},
		"a small age": {func(s *settings.Settings) { s.Delivery.MaxConnectionAge = time.Second - 1 }, "delivery.max_connection_age", "999.999999ms", "must be 0 or at least 1s"},
		"small spool": {func(s *settings.Settings) { s.Spool = settings.Spool{Dir: "spool", MaxBytes: 7_999_999} },
			"spool.max_bytes", "7999999", "must be at least 8000000, 8 times max_message_bytes"},
		"a short window": {func(s *settings.Settings) { s.Spool.Window = time.Second - 1 }, "spool.window", "999.999999ms", "must be 0 or from 1s to 1h"},
		"a long window":  {func(s *settings.Settings) { s.Spool.Window = time.Hour + 1 }, "spool.window", "1h0m0.000000001s", "must be 0 or from 1s to 1h"},
		"less than none": {func(s *settings.Settings) { s.Spool.Window = -time.Minute }, "spool.window", "-1m0s", "must be 0 or from 1s to 1h"},
		"windows of single events": {func(s *settings.Settings) { s.Spool.Window, s.SendAsBatch = time.Minute, settings.Off },
			"spool.window", "1m0s", "gathers events, and send_as_batch is off: leave one of them out"},
		"linger":            {func(s *settings.Settings) { s.Delivery.Linger = -time.Second }, "delivery.linger", "-1s", "must not be negative"},
		"message too small": {func(s *settings.Settings) { s.Delivery.MaxMessageBytes = -1 }, "delivery.max_message_bytes", "-1", "must be from 1 to 100000000"},
		"message too large": {func(s *settings.Settings) { s.Delivery.MaxMessageBytes = 100_000_001 }, "delivery.max_message_bytes", "100000001", "must be from 1 to 100000000"},
		"negative request":  {func(s *settings.Settings) { s.Delivery.MaxRequestBytes = -1 }, "delivery.max_request_bytes", "-1", "must be from 1 to 104857600"},
		"request too large": {func(s *settings.Settings) { s.Delivery.MaxRequestBytes = 104_857_601 }, "delivery.max_request_bytes", "104857601", "must be from 1 to 104857600"},
		"small request": {func(s *settings.Settings) { s.Delivery.MaxRequestBytes = 1_001_023 },
			"delivery.max_request_bytes", "1001023", "must be at least 1001024, max_message_bytes + 1024"},
		"request smaller than a large message asks": {func(s *settings.Settings) {
			s.Delivery.MaxMessageBytes, s.Delivery.MaxRequestBytes = 2_000_000, 1_040_000
		},
			"delivery.max_request_bytes", "1040000", "must be at least 2001024, max_message_bytes + 1024"},
		"negative buffer": {func(s *settings.Settings) { s.Delivery.MaxBufferedBytes = -1 }, "delivery.max_buffered_bytes", "-1", "must not be negative"},
		"small buffer": {func(s *settings.Settings) { s.Delivery.MaxBufferedBytes = 3_999_999 },
			"delivery.max_buffered_bytes", "3999999", "must be at least 4000000, 4 times max_message_bytes"},
		"buffer smaller than a large message asks": {func(s *settings.Settings) { s.Delivery.MaxMessageBytes = 20_000_000 },
			"delivery.max_buffered_bytes", "67108864", "must be at least 80000000, 4 times max_message_bytes"},
		"partitioner": {func(s *settings.Settings) { s.Delivery.Partitioner = "random" }, "delivery.partitioner", "random", "must be one of murmur2, fnv1a, crc32"},
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			tc.change(&s)
			err := s.Validate()
			require.Len(t, mistakesIn(err), 1, "%v", err)
			assert.Equal(t, &settings.FieldError{Field: tc.field, Value: tc.value, Reason: tc.reason}, mistakesIn(err)[0])
			assertHidden(t, err.Error())
		})
	}
}

func TestValidate_reportsAllMistakesAtOnce(t *testing.T) {
	err := settings.Settings{
		BootstrapServers: "b1,b2",
		UserName:         "u",
		UniqueID:         "\xff",
		TLS:              settings.TLS{CertFile: "c", MinVersion: "1.0"},
		Delivery:         settings.Delivery{Linger: -1, Compression: settings.Snappy, CompressionLevel: 1},
	}.Validate()
	assert.ElementsMatch(t, []string{"bootstrap_servers", "bootstrap_servers", "topic_name", "password", "unique_id",
		"tls.key_file", "tls.min_version", "delivery.linger", "delivery.compression_level"}, fieldsOf(err))
	var m *settings.FieldError
	require.True(t, errors.As(err, &m))
	assert.Equal(t, len(fieldsOf(err)), strings.Count(err.Error(), "settings: "))
}

func TestValidateExceptCredentials(t *testing.T) {
	for name, change := range map[string]func(*settings.Settings){
		"user only":      func(s *settings.Settings) { s.UserName = "u" },
		"password only":  func(s *settings.Settings) { s.Password = settings.NewSecret("p") },
		"SCRAM, no user": func(s *settings.Settings) { s.AuthenticationMethod = settings.SCRAMSHA512 },
	} {
		s := valid()
		change(&s)
		assert.Error(t, s.Validate(), name)
		assert.NoError(t, s.ValidateExceptCredentials(), name)
		s.TopicName, s.AuthenticationMethod = "", "x"
		assert.Equal(t, []string{"topic_name", "authentication_method"}, fieldsOf(s.ValidateExceptCredentials()), name)
	}
}
