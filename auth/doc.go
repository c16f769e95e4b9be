// Package auth tells a Sarama client how to prove who it is: with SASL's PLAIN
// or SCRAM, or with a mechanism of the caller's own.
//
//	a := &auth.SCRAM{UserName: "mparticle", Password: settings.NewSecret(password)}
//	if err := a.Apply(cfg); err != nil { ... }
//
// An [Authenticator] changes Net.SASL of a [sarama.Config]. A caller that does
// not trust one can pass a scratch configuration and copy only Net.SASL from
// it, as the forwarder does. A mechanism that this package lacks is an
// [AuthenticatorFunc] that sets Net.SASL. Package auth/oauth has OAUTHBEARER, and
// auth/mskiam has IAM of Amazon MSK: modules of their own.
//
// # TLS comes first
//
// [Plain] and [SCRAM] refuse a configuration without TLS. PLAIN sends the
// password in clear, and an eavesdropper on a SCRAM conversation can guess
// passwords offline. Neither falls back to another mechanism: a broker that
// does not offer the chosen one gets nothing.
//
// # Which mechanism
//
// Prefer SCRAM: the password never leaves the process, and the broker proves
// that it knows the user too. SCRAM-SHA-512 and SCRAM-SHA-256 are equally safe;
// take the one for which the broker has the user's keys. Kafka accepts only
// ASCII user names for SCRAM; PLAIN has no such limit.
//
// # Credentials that change
//
// A [Credentials] function returns user name and password when they are needed,
// so that the program does not keep them.
//
//   - [SCRAM] calls it for each new connection, and when Sarama authenticates
//     again on an open one because the broker limits sessions (KIP-368).
//   - [Plain] calls it at each Apply, because Sarama reads PLAIN's password from
//     the configuration. The forwarder applies at each probe, which is at
//     start-up and Ping, and for each connection of its producer; with Sarama's
//     stock producer only when it builds that.
//
// Sarama connects in the background without a context, so the function gets a
// context of its own, which ends after 30 seconds. A connection waits at most
// that long for a function that respects it.
//
// # Secrets
//
// No error of this package holds a password. Neither does a configuration that
// SCRAM was applied to: Sarama insists on a password there, so it holds a
// placeholder. With PLAIN the configuration holds the password: do not print
// it. An error of a Credentials function is passed on, so it must hold no
// secret.
package auth
