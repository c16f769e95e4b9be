package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A gateway is the program under load: one process after the other on one spool.
type gateway struct {
	binary, config string
	env            []string
	doors, admin   string // addresses
	secret         string
	caFile         string
	log            io.Writer

	mu      sync.Mutex
	cmd     *exec.Cmd
	readOut chan struct{} // closed once its outputs have ended
	used    usage         // of processes that have ended
	starts  int
}

// A usage is what processes have used.
type usage struct {
	cpu                time.Duration
	syncs, requests    float64 // of stored batches; produce requests
	sentBytes, written float64 // to Kafka, compressed; of stored batches, to the disk
}

func (u *usage) add(o usage) {
	u.cpu += o.cpu
	u.syncs += o.syncs
	u.requests += o.requests
	u.sentBytes += o.sentBytes
	u.written += o.written
}

// newGateway builds the program, and configures it for a Kafka.
func newGateway(ctx context.Context, dir string, s settings.Settings, spoolBytes int64, log io.Writer) (*gateway, error) {
	g := &gateway{binary: filepath.Join(dir, "gateway"), config: filepath.Join(dir, "gateway.json"), secret: "Bearer load", log: log}
	build := exec.CommandContext(ctx, "go", "build", "-o", g.binary, "github.com/eventferry/eventferry/examples/gateway") //nolint:gosec // our program
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the gateway: %w: %s", err, out)
	}
	ca, err := forwardertest.NewCA()
	if err != nil {
		return nil, err
	}
	issued, err := ca.IssueServer()
	if err != nil {
		return nil, err
	}
	cert, key, err := issued.WriteFiles(dir, "door")
	if err != nil {
		return nil, err
	}
	if g.caFile, err = ca.WriteFile(dir); err != nil {
		return nil, err
	}
	for _, address := range []*string{&g.doors, &g.admin} {
		if *address, err = serving.FreeAddress(ctx, "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	g.env = append(os.Environ(), "EVENTFERRY_PASSWORD="+s.Password.Reveal(), "GATEWAY_SECRET_load="+g.secret)
	text, err := json.Marshal(map[string]any{
		"settings": map[string]any{
			"bootstrap_servers": s.BootstrapServers, "topic_name": s.TopicName, "authentication_method": s.AuthenticationMethod,
			"user_name": s.UserName, "tls": map[string]any{"ca_file": s.TLS.CAFile},
			"spool": map[string]any{"dir": filepath.Join(dir, "spool"), "max_bytes": spoolBytes},
		},
		"listen": g.doors, "admin": g.admin, "cert_file": cert, "key_file": key, "feeds": []any{map[string]any{"name": "load"}},
	})
	if err != nil {
		return nil, err
	}
	return g, os.WriteFile(g.config, text, 0o600)
}

// start starts a process, and returns when it serves.
func (g *gateway) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, g.binary, "serve", "-config", g.config) //nolint:gosec // our program
	cmd.Env, cmd.Stderr = g.env, g.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	tie(cmd)
	started, serving, ended := make(chan error), make(chan struct{}), make(chan struct{})
	go func() { // on Linux the child ends with the thread that has started it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if started <- err; err == nil {
			<-ended
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "doors at") {
				close(serving)
			}
		}
	}()
	g.mu.Lock()
	g.cmd, g.readOut = cmd, ended
	g.starts++
	g.mu.Unlock()
	select {
	case <-serving:
		return nil
	case <-ended:
		return errors.Join(errors.New("the gateway did not start"), cmd.Wait())
	}
}

// stop ends the process by a signal, and notes what it has used.
func (g *gateway) stop(ctx context.Context, signal os.Signal) error {
	u, measured := g.now(ctx) // an error does not keep the process from its end
	if err := g.cmd.Process.Signal(signal); err != nil {
		return err
	}
	<-g.readOut
	err := g.cmd.Wait()
	if signal == os.Kill {
		err = nil // it was killed
	}
	u.cpu = g.cmd.ProcessState.UserTime() + g.cmd.ProcessState.SystemTime()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used.add(u)
	g.cmd = nil
	return errors.Join(measured, err)
}

// close ends what still runs.
func (g *gateway) close(ctx context.Context) {
	if g.cmd != nil && g.cmd.ProcessState == nil {
		_ = g.stop(ctx, os.Kill) // it may have ended
	}
}

// now returns what the process that runs has used, all but its processor time. A metric
// that is not there yet counts as 0: usage.complete finds one that never is.
func (g *gateway) now(ctx context.Context) (u usage, err error) {
	for name, to := range map[string]*float64{
		"eventferry_spool_syncs_total": &u.syncs, "eventferry_broker_requests_total": &u.requests,
		"eventferry_broker_io_bytes_total": &u.sentBytes, "eventferry_spool_written_bytes_total": &u.written,
	} {
		var noted error
		if *to, noted = g.metric(ctx, name); !errors.Is(noted, errNoMetric) {
			err = errors.Join(err, noted)
		}
	}
	return u, err
}

// complete returns an error if one of the figures has not been measured.
func (u *usage) complete() error {
	if u.syncs <= 0 || u.requests <= 0 || u.sentBytes <= 0 || u.written <= 0 {
		return fmt.Errorf("not measured: syncs %v, requests %v, bytes to Kafka %v, bytes to the disk %v: none may be 0", u.syncs, u.requests, u.sentBytes, u.written)
	}
	return nil
}

var errNoMetric = errors.New("there is no such metric")

// metric returns the sum of the series of a metric.
func (g *gateway) metric(ctx context.Context, name string) (sum float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (.+)$`).FindAllStringSubmatch(string(text), -1)
	if found == nil {
		return 0, fmt.Errorf("%s: %w", name, errNoMetric)
	}
	for _, f := range found {
		v, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// drained waits until Kafka has all that the spool holds.
func (g *gateway) drained(ctx context.Context) error {
	for {
		if left, err := g.metric(ctx, "eventferry_spool_messages"); err == nil && left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the spool is not empty: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// end has the gateway send what it has, and end well.
func (g *gateway) end(ctx context.Context) error { return g.stop(ctx, syscall.SIGTERM) }
