// Package settings holds an operator's settings: brokers and topic, credentials,
// the parts of batches to leave out, TLS and delivery. It is plain data, under
// the names of mParticle's page for its Kafka event output, and needs only the
// standard library.
//
// Settings come from Go, as a struct; from JSON, with [Parse]; from the
// environment, with [Settings.SetFromEnv]; or from JSON and the environment,
// where the environment wins. The same values make equal settings from each
// source.
//
//	{
//	  "bootstrap_servers": "b1.example.com:9093,b2.example.com:9093",
//	  "topic_name": "events",
//	  "authentication_method": "SCRAM-SHA-512",
//	  "user_name": "mparticle",
//	  "password_file": "/run/secrets/kafka-password",
//	  "metadata_field_exclusion": ["ip_address"],
//	  "include_location_information": false,
//	  "tls": {"ca_file": "/etc/kafka/ca.pem"},
//	  "delivery": {"compression": "lz4", "linger": "5ms"}
//	}
//
// A program loads them like this:
//
//	s, err := settings.Parse(data)
//	if err != nil {
//		return err
//	}
//	if err := s.SetFromEnv(os.LookupEnv); err != nil {
//		return err
//	}
//	for _, v := range settings.Unknown(os.Environ()) { // misspelt ones
//		slog.Warn("an environment variable is ignored", "variable", v)
//	}
//
// The zero value of every field means its documented default, which
// [Settings.WithDefaults] fills in. [Settings.Validate] reports all mistakes at
// once, each a [*FieldError] with key, value and reason.
//
// A password is a [Secret]: nothing that prints settings, and no error, shows
// it. Keep it out of the JSON with password_file or EVENTFERRY_PASSWORD.
package settings
