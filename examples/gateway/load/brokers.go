package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clockTicks is how many there are in a second of /proc's processor times: 100 on all
// platforms of Linux that Go has.
const clockTicks = 100

// brokerTime adds up the processor time of the brokers, which are child processes with
// Java. Where there is no /proc it is 0. A broker's last half second before a kill is not
// in it.
type brokerTime struct {
	mu   sync.Mutex
	last map[int]time.Duration // by process
}

// watch looks twice a second until ctx ends.
func (b *brokerTime) watch(ctx context.Context) {
	for ctx.Err() == nil {
		b.look()
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// look notes the time of each process, and returns that of all so far.
func (b *brokerTime) look() (sum time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		b.last = map[int]time.Duration{}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, file := range files {
		text, _ := os.ReadFile(file) // the process may have ended
		name, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // from the third of proc(5) on
		if !ok || !strings.HasSuffix(name, "(java") || len(fields) < 13 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		b.last[pid] = time.Duration(user+system) * time.Second / clockTicks
	}
	for _, t := range b.last {
		sum += t
	}
	return sum
}
