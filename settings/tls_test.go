package settings_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

func TestTLS_zeroValueVerifiesAgainstTheSystem(t *testing.T) {
	c, err := settings.TLS{}.Config()
	require.NoError(t, err)
	assert.Equal(t, uint16(tls.VersionTLS12), c.MinVersion)
	assert.Nil(t, c.RootCAs)
	assert.Empty(t, c.Certificates)
	assert.Empty(t, c.ServerName)
	assert.False(t, c.InsecureSkipVerify)
	assert.Zero(t, c.MaxVersion)
}

func TestTLS_minVersion(t *testing.T) {
	for version, want := range map[settings.TLSVersion]uint16{settings.TLS12: tls.VersionTLS12, settings.TLS13: tls.VersionTLS13} {
		c, err := settings.TLS{MinVersion: version}.Config()
		require.NoError(t, err)
		assert.Equal(t, want, c.MinVersion)
	}
}

// mark is the byte order mark that some editors put first.
var mark = []byte("\ufeff")

// TestTLS_handshake connects as a forwarder would, with all there is to set.
func TestTLS_handshake(t *testing.T) {
	ca, other := newIdentity(t, "ca", nil), newIdentity(t, "other", nil)
	server, client := newIdentity(t, "broker", ca), newIdentity(t, "client", ca)
	markedCert, markedKey := file(t, "marked.pem", slices.Concat(mark, client.certPEM)...), file(t, "marked-key.pem", slices.Concat(mark, client.keyPEM)...)
	both := file(t, "ca.pem", slices.Concat([]byte("# two authorities\n"), other.keyPEM, other.certPEM, ca.certPEM)...)
	cert, key := file(t, "cert.pem", client.certPEM...), file(t, "key.pem", client.keyPEM...)
	for name, tc := range map[string]struct {
		settings settings.TLS
		fails    string
	}{
		"all":             {settings.TLS{CAFile: both, CertFile: cert, KeyFile: key, ServerName: "broker"}, ""},
		"after a mark":    {settings.TLS{CAFile: both, CertFile: markedCert, KeyFile: markedKey, ServerName: "broker"}, ""},
		"another name":    {settings.TLS{CAFile: both, CertFile: cert, KeyFile: key, ServerName: "broker2"}, "not broker2"},
		"another CA":      {settings.TLS{CAFile: file(t, "other.pem", other.certPEM...), CertFile: cert, KeyFile: key, ServerName: "broker"}, "unknown authority"},
		"the system's CA": {settings.TLS{CertFile: cert, KeyFile: key, ServerName: "broker"}, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := tc.settings.Config()
			require.NoError(t, err)
			names, err := handshake(t, server, config)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{"client"}, names)
		})
	}
}

// handshake returns the names in the certificate that the client showed.
func handshake(t *testing.T, server *identity, config *tls.Config) ([]string, error) {
	t.Helper()
	pair, err := tls.X509KeyPair(server.certPEM, server.keyPEM)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAnyClientCert,
		MinVersion:   tls.VersionTLS12,
	})
	require.NoError(t, err)
	defer listener.Close()
	names := make(chan []string, 1)
	go func() {
		defer close(names)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if s, ok := conn.(*tls.Conn); ok && s.HandshakeContext(t.Context()) == nil {
			names <- s.ConnectionState().PeerCertificates[0].DNSNames
		}
	}()
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		defer conn.Close()
	}
	return <-names, err
}

func TestTLS_refuses(t *testing.T) {
	one, two := newIdentity(t, "one", nil), newIdentity(t, "two", nil)
	cert, key := file(t, "cert.pem", one.certPEM...), file(t, "key.pem", one.keyPEM...)
	keyOfTwo, garbage, empty := file(t, "two.pem", two.keyPEM...), file(t, "garbage", []byte("\x30\x82\x01")...), file(t, "empty")
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.cert.Raw[:99]})
	half := file(t, "half.pem", slices.Concat(one.certPEM, damaged)...)
	// Lines that encoding/pem skips in silence.
	line := file(t, "line.pem", slices.Concat(one.certPEM, bytes.Replace(two.certPEM, []byte("MII"), []byte("M!I"), 1), two.keyPEM)...)
	cut := file(t, "cut.pem", slices.Concat(one.certPEM[:99], two.certPEM)...)
	marked := file(t, "marked.pem", slices.Concat(mark, damaged, two.certPEM)...)
	chain := file(t, "chain.pem", slices.Concat(one.certPEM, two.certPEM[:len(two.certPEM)-40])...)
	encrypted := file(t, "encrypted.pem", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})...)
	legacy := file(t, "legacy.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"DEK-Info": "x"}, Bytes: []byte("x")})...)
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for name, tc := range map[string]struct {
		tls                  settings.TLS
		field, value, reason string
	}{
		"no CA file":         {settings.TLS{CAFile: missing}, "tls.ca_file", missing, "cannot be read"},
		"empty CA file":      {settings.TLS{CAFile: empty}, "tls.ca_file", empty, "holds no certificate in PEM form"},
		"CA not PEM":         {settings.TLS{CAFile: garbage}, "tls.ca_file", garbage, "holds no certificate in PEM form"},
		"a key for CA":       {settings.TLS{CAFile: key}, "tls.ca_file", key, "holds no certificate in PEM form"},
		"CA damaged":         {settings.TLS{CAFile: half}, "tls.ca_file", half, "certificate 2 in the file is damaged"},
		"CA line damaged":    {settings.TLS{CAFile: line}, "tls.ca_file", line, "certificate 2 in the file is damaged"},
		"CA cut short":       {settings.TLS{CAFile: cut}, "tls.ca_file", cut, "certificate 1 in the file is damaged"},
		"CA after a mark":    {settings.TLS{CAFile: marked}, "tls.ca_file", marked, "certificate 1 in the file is damaged"},
		"no cert file":       {settings.TLS{CertFile: missing, KeyFile: key}, "tls.cert_file", missing, "cannot be read"},
		"no key file":        {settings.TLS{CertFile: cert, KeyFile: missing}, "tls.key_file", missing, "cannot be read"},
		"cert without key":   {settings.TLS{CertFile: cert}, "tls.key_file", "", "is required with tls.cert_file"},
		"another's key":      {settings.TLS{CertFile: cert, KeyFile: keyOfTwo}, "tls.cert_file", cert, `does not work with tls.key_file "` + keyOfTwo + `"`},
		"key not PEM":        {settings.TLS{CertFile: cert, KeyFile: garbage}, "tls.cert_file", cert, `does not work with tls.key_file "` + garbage + `"`},
		"encrypted key":      {settings.TLS{CertFile: cert, KeyFile: encrypted}, "tls.key_file", encrypted, "must not be encrypted"},
		"encrypted key, old": {settings.TLS{CertFile: cert, KeyFile: legacy}, "tls.key_file", legacy, "must not be encrypted"},
		"chain cut short":    {settings.TLS{CertFile: chain, KeyFile: key}, "tls.cert_file", chain, "holds a certificate that is damaged"},
		"version":            {settings.TLS{MinVersion: "1.1"}, "tls.min_version", "1.1", "must be one of 1.2, 1.3"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tc.tls.Config()
			require.Error(t, err)
			assert.Nil(t, c)
			require.Len(t, mistakesIn(err), 1)
			m := mistakesIn(err)[0]
			assert.Equal(t, []string{tc.field, tc.value, tc.reason}, []string{m.Field, m.Value, m.Reason})
			if tc.value == missing {
				require.ErrorIs(t, err, fs.ErrNotExist)
				assert.EqualError(t, m, "settings: "+tc.field+` "`+missing+`": cannot be read: `+m.Err.Error())
				assert.NotContains(t, m.Err.Error(), missing, "the name is there once")
			}
		})
	}
}

func TestTLS_reportsAllMistakesAtOnce(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	_, err := settings.TLS{CAFile: missing, CertFile: missing, KeyFile: missing}.Config()
	assert.Equal(t, []string{"tls.ca_file", "tls.cert_file", "tls.key_file"}, fieldsOf(err))
}
