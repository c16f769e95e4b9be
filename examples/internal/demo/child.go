package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const (
	// Command is the argument of a program that makes it call [Serve].
	Command = "demo-kafka"
	// Idle is how long its Kafka goes on without a connection.
	Idle = 10 * time.Minute
)

// Serve runs a Kafka for those who [Find] it in dir. It ends with ctx, when dir is
// removed, or when it had no connection for so long: [Demo.Show] keeps one. An
// interrupt of the terminal, which is for the service, does not end it.
func Serve(ctx context.Context, dir string, idle time.Duration) error {
	signal.Ignore(os.Interrupt)
	k, err := forwardertest.StartKafka()
	if err != nil {
		return err
	}
	defer k.Close()
	d, err := New(k, dir)
	if err != nil {
		return err
	}
	for _, address := range []*string{&d.Listen, &d.Admin} { // others may have the usual ones
		if *address, err = freeAddress(ctx, *address); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, fileName)
	if err := d.write(file); err != nil {
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
			return nil // its folder was removed
		}
		if k.Connections() > 0 {
			used = time.Now()
		}
	}
	return os.Remove(file)
}

// freeAddress returns an address that nothing listens on, the given one if possible.
func freeAddress(ctx context.Context, address string) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		if l, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
	}
	return l.Addr().String(), l.Close()
}

// Find returns the demo in dir, which it makes if there is none. If its Kafka does not
// answer, this program is started as a process of its own with [Command] and the folder.
func Find(ctx context.Context, dir string) (*Demo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fileName)
	if d := read(file); d != nil && d.answers(ctx) {
		return d, nil
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.RemoveAll(file)); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(context.WithoutCancel(ctx), program, Command, dir) //nolint:gosec // this program
	if err := child.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		if d := read(file); d != nil {
			return d, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), child.Process.Kill())
		case err := <-ended:
			return nil, fmt.Errorf("the process of the Kafka has ended: %v", err) //nolint:errorlint // nil if it ended well
		case <-time.After(10 * time.Millisecond):
		}
	}
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
