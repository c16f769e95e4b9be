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
func runGo(ctx context.Context, j peer.Job) (peer.Report, error) {
	program, err := os.Executable()
	if err != nil {
		return peer.Report{}, fmt.Errorf("bench: %w", err)
	}
	job, err := json.Marshal(j)
	if err != nil {
		return peer.Report{}, fmt.Errorf("bench: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, childPatience+time.Duration(j.WarmMillis+j.MeasureMillis)*time.Millisecond)
	defer cancel()
	cmd := onCore(ctx, clientCore, program, ContenderCommand)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &out, &said
	if err := cmd.Run(); err != nil {
		return peer.Report{}, fmt.Errorf("bench: %w: %s", err, lastLine(said.String()))
	}
	var r peer.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return peer.Report{}, fmt.Errorf("bench: %s's report: %w", j.Contender, err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// ContenderCommand is the argument with which this program is a contender.
const ContenderCommand = "contender"

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
