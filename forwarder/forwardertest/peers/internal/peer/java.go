package peer

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed java/Peer.java
var javaSource []byte

// CompileJava compiles the Java contender into dir, which must exist. Jars is
// the class path of Kafka's jars; the one that it returns has the contender
// added. It blocks for the compiler, which ctx ends. Its error is that of the
// compiler, with its output, or says which package to install.
func CompileJava(ctx context.Context, jars, dir string) (classpath string, err error) {
	javac, err := exec.LookPath("javac")
	if err != nil {
		return "", errors.New("peer: no javac on PATH; install a JDK 17 (Debian: openjdk-17-jdk-headless)")
	}
	file := filepath.Join(dir, "Peer.java")
	if err := os.WriteFile(file, javaSource, 0o600); err != nil {
		return "", fmt.Errorf("peer: %w", err)
	}
	out, err := exec.CommandContext(ctx, javac, "-cp", jars, "-d", dir, file).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("peer: javac: %w: %s", err, out)
	}
	return dir + string(filepath.ListSeparator) + jars, nil
}

// A JavaProcess is the Java contender, running. It lives for many jobs because
// Java compiles its code while it runs: only the first has to be warmed for
// long. Its methods must not be called at the same time.
type JavaProcess struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr tail

	once sync.Once
	err  error // of the process's end
}

// exitTimeout is how long a process without work may take to end.
const exitTimeout = 10 * time.Second

// StartJava starts the Java contender with the class path of [CompileJava], on
// one core, or on any when core is negative. It does not wait until Java is
// up. The process is killed when ctx ends; it must be closed.
func StartJava(ctx context.Context, classpath string, core int) (*JavaProcess, error) {
	args := []string{
		"java", "-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", classpath, "Peer",
	}
	if core >= 0 {
		args = append([]string{"taskset", "-c", strconv.Itoa(core)}, args...)
	}
	p := &JavaProcess{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("peer: java: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("peer: java: %w", err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("peer: java: %w", err)
	}
	return p, nil
}

// Run has the process do a job, and blocks until it is done. What failed
// within the job is in the report. An error says that the process has ended,
// with the last lines that it wrote.
func (p *JavaProcess) Run(job Job) (Report, error) {
	var report Report
	line, err := json.Marshal(job)
	if err != nil {
		return report, fmt.Errorf("peer: %w", err)
	}
	_, err = p.in.Write(append(line, '\n'))
	var answer []byte
	if err == nil {
		answer, err = p.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(answer, &report)
	}
	if err != nil {
		// After an answer that cannot be read, the next one could answer
		// anything.
		return Report{}, errors.Join(fmt.Errorf("peer: java gave no report: %w", err), p.Close())
	}
	return report, nil
}

// Close has the process end, kills it when it does not within ten seconds, and
// waits for its end. The error says how it ended, unless as it should. A second
// call returns the same.
func (p *JavaProcess) Close() error {
	p.once.Do(func() {
		_ = p.in.Close() // an error says that it has ended already
		kill := time.AfterFunc(exitTimeout, func() { _ = p.cmd.Process.Kill() })
		defer kill.Stop()
		if err := p.cmd.Wait(); err != nil {
			p.err = fmt.Errorf("peer: java: %w: %s", err, strings.TrimSpace(string(p.stderr.last)))
		}
	})
	return p.err
}

// A tail keeps the end of the text written to it. It is read when all writing
// is over.
type tail struct{ last []byte }

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.last = append(t.last, b...)
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(b), nil
}
