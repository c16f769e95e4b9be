package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/examples/internal/serving"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const (
	// Command is the argument of a program that makes it call [Serve].
	Command = "demo-kafka"
	// Idle is how long its Kafka goes on without a connection.
	Idle = 10 * time.Minute
)

// Serve runs a Kafka for those who [Find] it in dir. It ends with ctx, when the file in
// dir that says where it is was removed, or when it had no connection for so long:
// [Demo.Show] keeps one. An interrupt of the terminal, which is for the service, does not
// end it. What is its own lies in a folder of its own, the spool, too: what a spool knows
// of an earlier Kafka is not true of this one.
func Serve(ctx context.Context, dir string, idle time.Duration) error {
	signal.Ignore(os.Interrupt)
	k, err := forwardertest.StartKafka()
	if err != nil {
		return err
	}
	defer k.Close()
	own, err := os.MkdirTemp(dir, "kafka-")
	if err != nil {
		return err
	}
	d, err := New(k, own)
	if err != nil {
		return err
	}
	for _, address := range []*string{&d.Listen, &d.Admin} { // others may have the usual ones
		if *address, err = serving.FreeAddress(ctx, *address); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, fileName)
	written, err := d.write(file)
	if err != nil {
		return err
	}
	ticks := time.NewTicker(min(time.Second, idle/10))
	defer ticks.Stop()
	for used := time.Now(); time.Since(used) < idle; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if _, err := os.Stat(file); err != nil {
			return nil // perhaps with its folder
		}
		if k.Connections() > 0 {
			used = time.Now()
		}
	}
	if found, err := os.ReadFile(file); err == nil && bytes.Equal(found, written) { // not that of a later Kafka
		err = os.Remove(file)
		return errors.Join(err, os.RemoveAll(own))
	}
	return os.RemoveAll(own)
}

// Find returns the demo in dir, which it makes if there is none. If its Kafka does not
// answer, this program is started as a process of its own with [Command] and the folder.
// A Kafka that was only slow to answer keeps what it has, and goes on for those who use it.
func Find(ctx context.Context, dir string) (*Demo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fileName)
	if d := read(file); d != nil && d.answers(ctx) {
		return d, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	before, _ := os.ReadFile(file) // there may be none
	child, output, err := startChild(context.WithoutCancel(ctx), dir)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		if now, err := os.ReadFile(file); err == nil && !bytes.Equal(now, before) {
			if d := read(file); d != nil {
				return d, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), child.Process.Kill())
		case err := <-ended:
			said, _ := os.ReadFile(output)
			return nil, fmt.Errorf("the process of the Kafka has ended: %v: %s", err, bytes.TrimSpace(said)) //nolint:errorlint // nil if it ended well
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// startChild starts this program as the Kafka of dir. What it says goes to a file: a pipe
// would end with this process, and the child with the pipe.
func startChild(ctx context.Context, dir string) (child *exec.Cmd, output string, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	log, err := os.Create(filepath.Join(dir, "kafka.log"))
	if err != nil {
		return nil, "", err
	}
	defer log.Close()
	child = exec.CommandContext(ctx, program, Command, dir) //nolint:gosec // this program
	child.Stderr = log
	detach(child)
	return child, log.Name(), child.Start()
}

// answers reports whether the Kafka is there.
func (d *Demo) answers(ctx context.Context) bool {
	reader, err := d.reader()
	if err != nil {
		return false
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return reader.Ping(ctx) == nil
}
