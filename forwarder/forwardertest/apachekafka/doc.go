// Package apachekafka runs Apache Kafka itself in tests: one or three brokers
// as child processes on 127.0.0.1, with TLS, SASL and access rules.
//
// [New] starts them for one test and stops them with it; [Start] does the same
// for programs. [Cluster.Settings] are ready for forwarder.New, and
// [Cluster.Messages] returns what arrived:
//
//	func TestMine(t *testing.T) {
//		k := apachekafka.New(t, apachekafka.WithBrokers(3))
//		if err := k.CreateTopic(t.Context(), "events", 12, nil); err != nil {
//			t.Fatal(err)
//		}
//		f, err := forwarder.New(t.Context(), k.Settings("events"))
//		...
//		k.Kill(1)
//		...
//		for _, m := range k.Messages(t, "events") {
//			...
//		}
//	}
//
// # What it needs
//
// Java 17 or newer and Maven, which fetches Kafka's jars (55 MB) the first
// time. Where one of them is missing, tests are skipped, or fail when the
// environment variable [RequireEnv] is set. [WithJavaClass] needs a JDK, for javac. A
// broker is up in 3 to 30 seconds and takes about 250 MB. Package forwardertest has a Kafka that starts in
// milliseconds and needs neither.
//
// # What it can do to a broker
//
//	Kill        SIGKILL: gone at once
//	Stop        SIGTERM: gone in order, its partitions led by others
//	Pause       SIGSTOP: connections stay open, nothing answers
//	Resume      SIGCONT
//	Restart     the same broker on the same ports and files
//	CutOff      it hears nothing of the controllers, and goes on serving
//
// [Cluster.Grant] and [Cluster.Revoke] change what a user may do,
// [Cluster.SetPassword], [Cluster.SetPlainPassword] and [Cluster.RemovePassword]
// whether one gets in.
package apachekafka
