package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/hotpath"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/results"
)

// root is the repository, seen from the folder that the benchmark is run in.
const root = "../../.."

var errCodeChanged = errors.New("bench: the code was changed while it was measured")

// codeAt reads what is measured from the repository at root. The commit is for
// readers: without git, or in a copy without history, it is empty.
func codeAt(ctx context.Context, root string) (c results.Code, err error) {
	if c.HotPath, err = hotpath.Read(root); err != nil {
		return c, fmt.Errorf("%w: run it in forwarder/forwardertest/peers", err)
	}
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return c, nil //nolint:nilerr // no git, or no repository
	}
	changes, unknown := git("status", "--porcelain", "--untracked-files=no")
	c.Commit, c.Changed = commit, unknown != nil || changes != ""
	return c, nil
}

// stillCode reports an error if c is not what is there now.
func stillCode(c results.Code, root string) error {
	now, err := hotpath.Read(root)
	if err != nil {
		return err
	}
	if changed := c.HotPath.Changed(now); len(changed) > 0 {
		return fmt.Errorf("%w: %s", errCodeChanged, strings.Join(changed, ", "))
	}
	return nil
}
