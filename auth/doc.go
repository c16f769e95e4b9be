// Package auth tells a Sarama client how to prove who it is: with SASL's PLAIN
// or SCRAM, or with a mechanism of the caller's own.
//
//	a := &auth.SCRAM{UserName: "mparticle", Password: settings.NewSecret(password)}
//	if err := a.Apply(cfg); err != nil { ... }
//
// An [Authenticator] changes Net.SASL of a [sarama.Config]. Whoever applies one
// for somebody else can give it a scratch configuration and take only Net.SASL
// over, as the forwarder does. A mechanism that this package lacks is a [Func]
// that sets Net.SASL; the example of Func adds OAUTHBEARER.
//
// # TLS comes first
//
// [Plain] and [SCRAM] refuse a configuration without TLS. PLAIN sends the
// password as it is, and a SCRAM conversation that somebody overhears lets them
// guess passwords at leisure. Neither falls back to another mechanism: a broker
// that does not offer the chosen one gets nothing.
//
// # Which mechanism
//
// Prefer SCRAM: the password never leaves the process, and the broker proves
// that it knows the user too. SCRAM-SHA-512 and SCRAM-SHA-256 are equally safe;
// take the one for which the broker has the user's keys.
//
// # Credentials that change
//
// [Credentials] is asked for user name and password instead of keeping them.
//
//   - [SCRAM] asks at each new connection, and when Sarama authenticates anew on
//     an old one because the broker limits sessions (KIP-368).
//   - [Plain] asks at each Apply, for Sarama reads PLAIN's password from the
//     configuration. The forwarder applies at each probe, which is at start-up
//     and Ping, and whenever it builds a producer. Connections that the producer
//     opens in between use what it was built with.
//
// Sarama connects in the background and hands on no context. So Credentials get
// one of their own, which ends after 30 seconds; a connection waits that long
// at most for a function that respects it.
//
// # Secrets
//
// No error of this package holds a password. A configuration that SCRAM was
// applied to does not either: where Sarama insists on one, it holds a
// placeholder. PLAIN cannot avoid it: do not print such a configuration.
// An error of a Credentials function is passed on, so it must hold no secret.
package auth
