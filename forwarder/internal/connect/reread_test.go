package connect

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// rotatedFiles are the files that a probe reads, in one folder.
type rotatedFiles struct {
	t        *testing.T
	dir      string
	settings settings.Settings
	log      logLines
}

// newRotatedFiles has a password, a certificate of ca and ca itself.
func newRotatedFiles(t *testing.T, ca *authority) (*rotatedFiles, *Probe) {
	t.Helper()
	f := &rotatedFiles{t: t, dir: t.TempDir()}
	f.authority(ca)
	f.pair(ca.issue("first", nil))
	f.write("password", []byte("first\n"))
	f.settings = somewhere
	f.settings.UserName, f.settings.PasswordFile = "ann", f.path("password")
	f.settings.TLS = settings.TLS{CAFile: f.path("ca.pem"), CertFile: f.path("cert.pem"), KeyFile: f.path("key.pem")}
	return f, f.probe()
}

func (f *rotatedFiles) probe() *Probe {
	return probeOf(f.t, f.settings, Options{Logger: slog.New(slog.NewTextHandler(&f.log, nil))})
}

func (f *rotatedFiles) path(name string) string { return filepath.Join(f.dir, name) }

func (f *rotatedFiles) write(name string, content []byte) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(f.path(name), content, 0o600))
}

func (f *rotatedFiles) authority(ca *authority) { f.write("ca.pem", pemOf(f.t, ca.file)) }

func (f *rotatedFiles) pair(cert tls.Certificate) {
	certFile, keyFile := save(f.t, cert)
	f.write("cert.pem", pemOf(f.t, certFile))
	f.write("key.pem", pemOf(f.t, keyFile))
}

func pemOf(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return content
}

// A used is what a new connection takes from the files.
type used struct {
	certificate []byte
	password    string
	authorities *tls.Config
}

func useOf(t *testing.T, p *Probe) used {
	t.Helper()
	tc := p.dialer.configFor("b1:9093")
	require.Len(t, tc.Certificates, 1)
	assert.False(t, tc.InsecureSkipVerify)
	assert.GreaterOrEqual(t, tc.MinVersion, uint16(tls.VersionTLS12))
	cfg, err := p.configure()
	require.NoError(t, err)
	assert.Equal(t, "ann", cfg.Net.SASL.User)
	return used{certificate: tc.Certificates[0].Certificate[0], password: cfg.Net.SASL.Password, authorities: tc}
}

func (u used) trusts(ca *authority) bool { return u.authorities.RootCAs.Equal(ca.pool()) }

// Whatever changes the files, the next connection has what they hold, and the log
// says so once.
func TestReread_changes(t *testing.T) {
	first, second := newAuthority(t, "First CA"), newAuthority(t, "Second CA")
	next := second.issue("second", nil)
	renewed := func(f *rotatedFiles, content func(name string) []byte) { // written elsewhere and renamed, as most tools do
		for _, name := range []string{"ca.pem", "cert.pem", "key.pem", "password"} {
			f.write(name+".new", content(name))
			require.NoError(f.t, os.Rename(f.path(name+".new"), f.path(name)))
		}
	}
	contents := func(t *testing.T) func(name string) []byte {
		certFile, keyFile := save(t, next)
		return func(name string) []byte {
			return map[string][]byte{
				"ca.pem": pemOf(t, second.file), "cert.pem": pemOf(t, certFile), "key.pem": pemOf(t, keyFile), "password": []byte("second"),
			}[name]
		}
	}
	for name, change := range map[string]func(*rotatedFiles){
		"written over": func(f *rotatedFiles) {
			f.authority(second)
			f.pair(next)
			f.write("password", []byte("second\n"))
		},
		"renamed": func(f *rotatedFiles) { renewed(f, contents(f.t)) },
		"with the marks that editors put first": func(f *rotatedFiles) {
			get := contents(f.t)
			renewed(f, func(name string) []byte {
				if name == "password" {
					return []byte("second\r\n")
				}
				return slices.Concat([]byte("\ufeff"), get(name))
			})
		},
		"with times of before": func(f *rotatedFiles) {
			info, err := os.Stat(f.path("password"))
			require.NoError(f.t, err)
			renewed(f, contents(f.t))
			for _, name := range []string{"ca.pem", "cert.pem", "key.pem", "password"} {
				require.NoError(f.t, os.Chtimes(f.path(name), info.ModTime(), info.ModTime()))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, p := newRotatedFiles(t, first)
			before := useOf(t, p)
			assert.True(t, before.trusts(first))
			assert.Equal(t, "first", before.password)
			assert.Empty(t, f.log.String(), "nothing has changed")

			change(f)
			for range 2 {
				after := useOf(t, p)
				assert.True(t, after.trusts(second))
				assert.Equal(t, next.Certificate[0], after.certificate)
				assert.Equal(t, "second", after.password)
			}
			assert.Equal(t, identity{user: "ann", mechanism: "PLAIN", passwordFile: f.path("password")}, p.identityOf(configOf(t, p)))
			for _, setting := range []string{"setting=tls.ca_file ", `setting="tls.cert_file and tls.key_file" `, "setting=password_file "} {
				assert.Equal(t, 1, f.log.count(setting), setting)
			}
			assert.Equal(t, 3, f.log.count("level=INFO"))
			assert.Equal(t, 3, f.log.count("\n"))
			assert.NotContains(t, f.log.String(), "second\n")
		})
	}
}

// A certificate that has expired or is not valid yet is used all the same, and the log
// warns of it.
func TestReread_outOfTime(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	at := time.Date(2020, 1, 31, 12, 0, 0, 0, time.UTC)
	for cause, change := range map[string]func(*x509.Certificate){
		"the certificate expired on 2020-01-31 12:00:00: renew it": func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = at.AddDate(-1, 0, 0), at
		},
		"the certificate is not valid before 2120-01-31 12:00:00: check the clocks, or renew it": func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = at.AddDate(100, 0, 0), at.AddDate(101, 0, 0)
		},
	} {
		f, p := newRotatedFiles(t, ca)
		useOf(t, p)
		next := ca.issue("next", change)
		f.pair(next)
		for range 2 {
			assert.Equal(t, next.Certificate[0], useOf(t, p).certificate)
		}
		assert.Equal(t, 1, f.log.count("level=WARN"), f.log.String())
		assert.Equal(t, 1, f.log.count("\n"))
		assert.Contains(t, f.log.String(), `cause="`+cause+`"`)

		f.pair(ca.issue("good", nil))
		useOf(t, p)
		assert.Equal(t, 1, f.log.count("level=INFO"), f.log.String())
	}
}

// Kubernetes mounts a secret as links into a folder that a link names, and changes
// that one link.
func TestReread_kubernetes(t *testing.T) {
	first, second := newAuthority(t, "First CA"), newAuthority(t, "Second CA")
	f, _ := newRotatedFiles(t, first)
	files := []string{"ca.pem", "cert.pem", "key.pem", "password"}
	version := func(name string) {
		t.Helper()
		require.NoError(t, os.Mkdir(f.path(name), 0o700))
		for _, file := range files {
			require.NoError(t, os.Rename(f.path(file), filepath.Join(f.path(name), file)))
		}
	}
	version("..2026_01")
	require.NoError(t, os.Symlink("..2026_01", f.path("..data")))
	for _, file := range files {
		require.NoError(t, os.Symlink(filepath.Join("..data", file), f.path(file)))
	}
	p := f.probe()
	assert.Equal(t, "first", useOf(t, p).password)

	next := second.issue("second", nil)
	staged, _ := newRotatedFiles(t, second)
	staged.pair(next)
	staged.write("password", []byte("second"))
	require.NoError(t, os.Rename(staged.dir, f.path("..2026_02")))
	require.NoError(t, os.Symlink("..2026_02", f.path("..data_tmp")))
	require.NoError(t, os.Rename(f.path("..data_tmp"), f.path("..data")))
	require.NoError(t, os.RemoveAll(f.path("..2026_01")))
	after := useOf(t, p)
	assert.True(t, after.trusts(second))
	assert.Equal(t, next.Certificate[0], after.certificate)
	assert.Equal(t, "second", after.password)
	assert.Equal(t, 3, f.log.count("files have changed"))
}

// While a file is half written, or cannot be read, all goes on as before. The log
// says so once for each reason, and nothing of what the files hold.
func TestReread_mistakes(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	next := ca.issue("second", nil)
	certFile, keyFile := save(t, next)
	for name, tt := range map[string]struct {
		spoil   func(*rotatedFiles)
		setting string
		cause   string
	}{
		"new certificate, old key": {func(f *rotatedFiles) { f.write("cert.pem", pemOf(t, certFile)) }, "tls.cert_file and tls.key_file", "does not work with tls.key_file"},
		"old certificate, new key": {func(f *rotatedFiles) { f.write("key.pem", pemOf(t, keyFile)) }, "tls.cert_file and tls.key_file", "does not work with tls.key_file"},
		"half a certificate":       {func(f *rotatedFiles) { f.write("cert.pem", pemOf(t, certFile)[:200]) }, "tls.cert_file and tls.key_file", "does not work with"},
		"half a key":               {func(f *rotatedFiles) { f.write("key.pem", pemOf(t, keyFile)[:100]) }, "tls.cert_file and tls.key_file", "does not work with"},
		"no certificate":           {func(f *rotatedFiles) { require.NoError(t, os.Remove(f.path("cert.pem"))) }, "tls.cert_file and tls.key_file", "cannot be read"},
		"no key":                   {func(f *rotatedFiles) { require.NoError(t, os.Remove(f.path("key.pem"))) }, "tls.cert_file and tls.key_file", "cannot be read"},
		"an encrypted key": {func(f *rotatedFiles) {
			f.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
		}, "tls.cert_file and tls.key_file", "must not be encrypted"},
		"an empty CA file":   {func(f *rotatedFiles) { f.write("ca.pem", nil) }, "tls.ca_file", "holds no certificate"},
		"half a CA":          {func(f *rotatedFiles) { f.write("ca.pem", pemOf(t, ca.file)[:200]) }, "tls.ca_file", "damaged"},
		"no CA file":         {func(f *rotatedFiles) { require.NoError(t, os.Remove(f.path("ca.pem"))) }, "tls.ca_file", "cannot be read"},
		"an empty password":  {func(f *rotatedFiles) { f.write("password", nil) }, "password_file", "is empty"},
		"a password of NULs": {func(f *rotatedFiles) { f.write("password", []byte("sec\x00ond")) }, "password_file", "holds a NUL"},
		"no password file":   {func(f *rotatedFiles) { require.NoError(t, os.Remove(f.path("password"))) }, "password_file", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f, p := newRotatedFiles(t, ca)
			before := useOf(t, p)
			whole := map[string][]byte{}
			for _, file := range []string{"ca.pem", "cert.pem", "key.pem", "password"} {
				whole[file] = pemOf(t, f.path(file))
			}
			tt.spoil(f)
			for range 3 {
				after := useOf(t, p)
				assert.Equal(t, before.certificate, after.certificate)
				assert.Equal(t, "first", after.password)
				assert.True(t, after.trusts(ca))
			}
			assert.Equal(t, 1, f.log.count("level=WARN"))
			assert.Equal(t, 1, f.log.count("\n"))
			assert.Contains(t, f.log.String(), tt.setting)
			assert.Contains(t, f.log.String(), f.dir, "the file is named")
			assert.Contains(t, f.log.String(), tt.cause)
			for _, content := range []string{"sec", "first", "BEGIN", "MII"} {
				assert.NotContains(t, f.log.String(), content)
			}

			for file, content := range whole {
				f.write(file, content)
			}
			useOf(t, p)
			assert.Equal(t, 1, f.log.count("level=INFO"), "it says that it is over")
			tt.spoil(f)
			useOf(t, p)
			assert.Equal(t, 2, f.log.count("level=WARN"), "a new occasion")

			f.authority(ca)
			f.pair(next)
			f.write("password", []byte("third"))
			after := useOf(t, p)
			assert.Equal(t, next.Certificate[0], after.certificate, "it is read on")
			assert.Equal(t, "third", after.password)
		})
	}
}

// Files that are replaced between the reading of one and the reading of the next are
// read once more, so that nothing is logged.
func TestReread_replacedMeanwhile(t *testing.T) {
	var log logLines
	reads := 0
	answers := []string{"old", "torn", "new"}
	r, err := newReread("password_file", []string{t.TempDir() + "/password"}, slog.New(slog.NewTextHandler(&log, nil)), func() (string, error) {
		reads++
		if answers[reads-1] == "torn" {
			return "", os.ErrInvalid
		}
		return answers[reads-1], nil
	}, func(a, b string) bool { return a == b })
	require.NoError(t, err)
	assert.Equal(t, "new", r.current())
	assert.Equal(t, 3, reads)
	assert.Zero(t, log.count("WARN"))
}

// Relative paths stay those of the start.
func TestReread_workingDirectory(t *testing.T) {
	f, _ := newRotatedFiles(t, newAuthority(t, "Our CA"))
	t.Chdir(f.dir)
	f.settings.PasswordFile, f.settings.TLS = "password", settings.TLS{CAFile: "ca.pem", CertFile: "cert.pem", KeyFile: "key.pem"}
	p := f.probe()
	t.Chdir(t.TempDir())
	f.write("password", []byte("second"))
	assert.Equal(t, "second", useOf(t, p).password)
	assert.Zero(t, f.log.count("WARN"))
}

// What WithTLS was given does not change.
func TestReread_notWithTLS(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	p := probeOf(t, somewhere, Options{TLS: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.issue("ours", nil)}}})
	tc := p.dialer.configFor("b1:9093")
	assert.True(t, tc.RootCAs.Equal(ca.pool()))
	assert.Len(t, tc.Certificates, 1)
	assert.Len(t, p.dialer.clientCertificates(), 1)
}

// Several goroutines connect while files change.
func TestReread_concurrent(t *testing.T) {
	ca := newAuthority(t, "Our CA")
	f, p := newRotatedFiles(t, ca)
	one, two := ca.issue("one", nil), ca.issue("two", nil)
	f.pair(one)
	var connecting sync.WaitGroup
	for range 4 {
		connecting.Go(func() {
			for range 50 {
				tc := p.dialer.configFor("b1:9093")
				leaf := tc.Certificates[0]
				_, err := tls.X509KeyPair(
					pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), keyPEM(t, leaf))
				assert.NoError(t, err, "a pair always fits")
			}
		})
	}
	for i := range 50 {
		f.pair([]tls.Certificate{one, two}[i%2])
	}
	connecting.Wait()
}

func keyPEM(t *testing.T, cert tls.Certificate) []byte {
	t.Helper()
	_, keyFile := save(t, cert)
	return pemOf(t, keyFile)
}

// logLines is what was logged.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logLines) count(part string) int { return strings.Count(l.String(), part) }

func configOf(t *testing.T, p *Probe) *sarama.Config {
	t.Helper()
	cfg, err := p.configure()
	require.NoError(t, err)
	return cfg
}
