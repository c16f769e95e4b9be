package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A verdict is what the tests make of a mutant.
type verdict string

const (
	killed      verdict = "noticed"
	timedOut    verdict = "timed out"
	survived    verdict = "survived"
	notCompiled verdict = "does not compile"
)

// buildLimit is enough to fetch and build all dependencies where nothing is cached.
const buildLimit = 15 * time.Minute

// A runner runs the tests of packages, one after the other.
type runner struct {
	packages []string
	limit    time.Duration
	dir      string // for changed files
}

func newRunner(packages []string, limit time.Duration) (*runner, error) {
	dir, err := os.MkdirTemp("", "mutate")
	return &runner{packages, limit, dir}, err
}

func (r *runner) close() { _ = os.RemoveAll(r.dir) }

// try runs the tests with m in place.
func (r *runner) try(ctx context.Context, m mutant) (verdict, error) {
	changed, overlay := filepath.Join(r.dir, "changed.go"), filepath.Join(r.dir, "overlay.json")
	if err := os.WriteFile(changed, m.changed(), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: changed}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	v, _ := r.test(ctx, overlay)
	return v, nil
}

// test runs the tests of one package after the other, until one notices.
func (r *runner) test(ctx context.Context, overlay string) (verdict, string) {
	for _, name := range r.packages {
		if v, output := r.testPackage(ctx, overlay, name); v != survived {
			return v, output
		}
	}
	return survived, ""
}

func (r *runner) testPackage(ctx context.Context, overlay, name string) (verdict, string) {
	// go test ends the test binary itself.
	ctx, cancel := context.WithTimeout(ctx, r.limit+buildLimit)
	defer cancel()
	args := []string{"test", "-short", "-vet=off", "-failfast", "-timeout", r.limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, name)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go test passes it on
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	switch text := output.String(); {
	case err == nil:
		return survived, text
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return notCompiled, text
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || strings.Contains(text, "panic: test timed out after"):
		return timedOut, text
	default:
		return killed, text
	}
}
