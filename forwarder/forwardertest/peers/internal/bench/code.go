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

// codeAt reads what is measured from the repository at root.
func codeAt(ctx context.Context, root string) (c results.Code, err error) {
	if c.HotPath, err = hotpath.Read(root); err != nil {
		return c, fmt.Errorf("%w: run it in forwarder/forwardertest/peers", err)
	}
	c.Commit, c.Changed = commitAt(ctx, root)
	return c, nil
}

// commitAt returns the commit, for readers, and whether there are changes that it
// does not have. Without git, or in a copy without history, the commit is empty.
func commitAt(ctx context.Context, root string) (commit string, changed bool) {
	git := func(args ...string) (string, bool) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
		return strings.TrimSpace(string(out)), err == nil
	}
	commit, ok := git("rev-parse", "--short=12", "HEAD")
	if !ok {
		return "", false
	}
	changes, ok := git("status", "--porcelain", "--untracked-files=no")
	return commit, !ok || changes != ""
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
