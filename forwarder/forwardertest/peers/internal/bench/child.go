package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// The cores: one for the client, one for brokers and whatever else runs.
const (
	clientCore = 0
	otherCore  = 1
)

const childPatience = 60 * time.Second

// onCore returns a command that runs on one core only.
func onCore(ctx context.Context, core int, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core), name}, args...)...)
}

// runGo has a process of its own do a job.
func runGo(ctx context.Context, j peer.Job) (r peer.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, childPatience+time.Duration(j.WarmMillis+j.MeasureMillis)*time.Millisecond)
	defer cancel()
	if err := child(ctx, ContenderCommand, j, &r); err != nil {
		return peer.Report{}, err
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// child runs this program as something else, on the core that clients have, and
// brings it in and out of it as JSON.
func child(ctx context.Context, command string, in, out any) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	cmd := onCore(ctx, clientCore, program, command)
	var answer, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &answer, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("bench: %s: %w: %s", command, err, lastLine(said.String()))
	}
	if err := json.Unmarshal(answer.Bytes(), out); err != nil {
		return fmt.Errorf("bench: what %s says: %w", command, err)
	}
	return nil
}

// ContenderCommand is the argument with which this program is a contender.
const ContenderCommand = "contender"

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
