package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// asideVariable says that the program has moved already, and how many cores the
// machine has.
const asideVariable = "EVENTFERRY_PEERS_ASIDE"

// MoveAside runs this program anew on the core that clients do not have, so
// that all it starts, brokers above all, is there too. It returns only in the
// new one, or with an error.
func MoveAside() error {
	if os.Getenv(asideVariable) != "" {
		return nil
	}
	if runtime.NumCPU() <= otherCore {
		return errors.New("bench: clients and brokers need a core each, and here is only one")
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("bench: taskset, of util-linux, gives each a core of its own: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	args := append([]string{taskset, "-c", strconv.Itoa(otherCore), program}, os.Args[1:]...)
	return fmt.Errorf("bench: %w", syscall.Exec(taskset, args, append(os.Environ(), asideVariable+"="+strconv.Itoa(runtime.NumCPU()))))
}

// cores is how many the machine has, not how many this process may use.
func cores() int {
	n, err := strconv.Atoi(os.Getenv(asideVariable))
	if err != nil {
		return runtime.NumCPU()
	}
	return n
}
