package refusals

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/eventferry/eventferry/settings"
)

// issue returns a server's certificate for 127.0.0.1, and the file of the CA that
// issued it, both changed. It makes what no CA of forwardertest issues.
func issue(t *testing.T, changeCA, change func(*x509.Certificate)) (cert tls.Certificate, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Our CA"},
		NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "broker"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if changeCA != nil {
		changeCA(ca)
	}
	if change != nil {
		change(leaf)
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	require.NoError(t, err)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}

// listenTLS listens on 127.0.0.1 with a certificate of ours, until the test ends.
func listenTLS(t *testing.T) (l net.Listener, caFile string) {
	t.Helper()
	cert, caFile := issue(t, nil, nil)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l, caFile
}

// answers are a broker's own answers to some kinds of requests.
type answers map[kmsg.Key]func(kmsg.Request) kmsg.Response

// startDevious starts a broker that answers some requests as it likes, and returns
// the settings for it: without a user unless one is named.
func startDevious(t *testing.T, userName string, own answers) settings.Settings {
	t.Helper()
	l, caFile := listenTLS(t)
	s := settings.Settings{BootstrapServers: l.Addr().String(), TopicName: "events", TLS: settings.TLS{CAFile: caFile}}
	opts := []kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(1, "events"), kfake.MaxVersions(kversion.V3_7_0()),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return l, nil }),
	}
	if userName != "" {
		s.AuthenticationMethod, s.UserName, s.Password = settings.SCRAMSHA512, userName, settings.NewSecret(ourSecret)
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser(string(settings.SCRAMSHA512), userName, ourSecret))
	}
	cluster, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	for key, answer := range own {
		cluster.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			return answer(req), nil, true
		})
	}
	return s
}

// answering fills in the answer to one kind of request.
func answering[Req kmsg.Request, Resp kmsg.Response](fill func(Req, Resp)) func(kmsg.Request) kmsg.Response {
	return func(r kmsg.Request) kmsg.Response {
		req, isRequest := r.(Req)
		resp, isResponse := r.ResponseKind().(Resp)
		if isRequest && isResponse {
			fill(req, resp)
		}
		return resp
	}
}
