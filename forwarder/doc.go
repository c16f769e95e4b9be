// Package forwarder carries mParticle event batches into a Kafka topic.
//
//	f, err := forwarder.New(ctx, settings.Settings{
//		BootstrapServers:     "b1:9093,b2:9093",
//		TopicName:            "events",
//		AuthenticationMethod: settings.SCRAMSHA512,
//		UserName:             "mparticle",
//		Password:             settings.NewSecret(os.Getenv("KAFKA_PASSWORD")),
//	})
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//
//	b, err := batch.Parse(data)
//	if err != nil {
//		return err
//	}
//	return f.Forward(ctx, b) // nil: Kafka has acknowledged it
//
// # The way of a batch
//
// Forward copies the batch, which is cheap, and works on the copy: events whose
// type is not forwarded or switched off are dropped; then the caller's filters
// run, in order; then members that the settings remove are removed and
// unique_id is set; an eventless batch is dropped if the settings say so; what
// is left becomes one message, or one for each event. The key is the user id
// in decimal. All of this happens on the goroutine that called Forward.
//
// Then the batch is accepted: all its messages together enter the producer's
// queue. Batches of one user go to one partition in the order in which they
// were accepted. A batch without a user id goes to a random partition.
//
// # What nil and what an error mean
//
// Nil means that every message is acknowledged by all in-sync replicas, or that
// the batch was dropped. An error is a [*DeliveryError], which says of each
// message whether it is [NotSent] or [Unknown], or a [*FilterError],
// [*TooLargeError] or [ErrClosed], with which nothing was sent. A producer's
// error is unknown unless the opposite is certain: the message may be in Kafka,
// and sending it again may duplicate it.
//
// The end of ctx ends the wait, not the sending: what the producer has already
// goes on being delivered, behind nothing and ahead of what comes later.
//
// # When a broker refuses
//
// [New] and [Forwarder.Ping] say what failed, where, for whom and what to do,
// then the cause, which [errors.Is] and [errors.As] find: a [sarama.KError], an
// error of crypto/x509 or of package net. While delivery waits the same texts
// are its cause: in the log, in [WaitInfo] and in the error of a deadline. The
// texts, in which b1:9093 stands for the broker:
//
//	b1:9093 refused user "mparticle" with PLAIN: wrong password, or the broker's
//	  jaas configuration has no user_mparticle entry, which every broker needs
//	b1:9093 refused user "mparticle" with SCRAM-SHA-512: wrong password, or the
//	  user has no SCRAM-SHA-512 credential, which kafka-configs creates
//	b1:9093 does not offer PLAIN to user "mparticle", it offers "SCRAM-SHA-512":
//	  set authentication_method to what it offers, or add the mechanism to the
//	  broker's sasl.enabled.mechanisms
//	b1:9093 does not authenticate users, but user "mparticle" is set: use the
//	  broker's SASL_SSL listener, or leave user_name empty
//	b1:9093 closed the connection at the first request: SASL_SSL listener? set
//	  user_name and password, or use the broker's SSL listener
//	b1:9093 has no topic "events": create it, or correct topic_name
//	b1:9093 does not let user "mparticle" see topic "events", if there is one:
//	  grant it the operations WRITE and DESCRIBE
//	b1:9093 does not let user "mparticle" write to topic "events": grant it the
//	  operation WRITE
//	b1:9093 closed the connection during the TLS handshake: plaintext listener?
//	  eventferry has no plaintext mode, use the broker's SSL or SASL_SSL listener
//	b1:9093 offers no TLS 1.2 or newer: add TLSv1.2 or TLSv1.3 to the broker's
//	  ssl.enabled.protocols
//	certificate of b1:9093 is signed by an authority that is not trusted
//	  ("CN=CA"): set tls.ca_file to the CA that issued it
//	certificate of b1:9093 expired on 2026-01-31 12:00:00: renew it
//	certificate of b1:9093 is not valid before 2026-01-31 12:00:00: check the
//	  clocks, or renew it
//	certificate of b1:9093 is for b1.example.com, not for "b1": use a name it has,
//	  in bootstrap_servers and the brokers' advertised.listeners, or set
//	  tls.server_name
//	certificate of b1:9093 has no SAN, CN is not enough: issue it again with a SAN
//	  for "b1"
//	b1:9093 wants a client certificate: set tls.cert_file and tls.key_file
//	b1:9093 refused the client certificate ("CN=mparticle"): check its validity,
//	  and that the broker's trust store has its CA
//
// These come back at once, a closed connection the second time it is closed.
// What follows is tried until ctx ends:
//
//	no broker could be reached: check bootstrap_servers and the network: b1:9093:
//	  dial tcp 10.0.0.1:9093: connect: connection refused
//	no broker could be reached: check bootstrap_servers and the network: b1:9093:
//	  no answer to the TLS handshake
//	b1:9093 advertises broker 2, leader of partitions 1, 4, at b2:9093, which
//	  cannot be reached: correct the broker's advertised.listeners, or let this
//	  host connect to it
//	b1:9093: topic "events": the topic has no partition with a leader yet
//
// A partition without a leader keeps nobody from starting if another has one.
// What a missing right looks like before it is needed comes from KIP-430, which
// brokers older than 2.3 do not have.
//
// # Security
//
// Every connection is TLS 1.2 or newer with the host name verified. There is no
// switch for plaintext and none to skip verification. SASL runs only inside a
// verified connection.
package forwarder
