// Package hotpath tells whether the code that a run has measured is still the code
// that there is.
package hotpath

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// Sources are the files that a batch passes through on its way, each with a digest of
// what Go's compiler sees of it, by their path in the repository.
type Sources map[string]string

// hotFolders are those of the way of a batch: from its bytes to the acknowledgement, and the
// webhook before it. A spool and routes are on no way that is measured.
func hotFolders() []string {
	return []string{
		"batch", "batch/internal/jsontext", "batch/internal/splice", "partition",
		"forwarder", "forwarder/internal/producer", "forwarder/internal/engine", "forwarder/internal/ctxwait",
		"forwarder/internal/saramaconfig", "forwarder/internal/timestamp", "forwarder/internal/tlsbuffer",
		"forwarder/receiver",
	}
}

// hotFiles are files of other folders.
func hotFiles() []string {
	return []string{
		"forwarder/internal/connect/broker.go", "forwarder/internal/connect/held_conn.go",
		"forwarder/internal/connect/sniff.go", "forwarder/internal/connect/unread_metrics.go",
	}
}

// filesAside are files in those folders that no measured batch comes near. One that is not
// here counts, so that nothing is forgotten.
func filesAside() []string {
	return []string{
		"batch/bulk.go", "batch/doc.go", "batch/gather.go", "batch/group.go", "batch/permanent.go", "batch/print.go",
		"forwarder/close.go", "forwarder/collect_stats.go", "forwarder/diagnose.go", "forwarder/doc.go", "forwarder/doubt.go",
		"forwarder/dry_run.go", "forwarder/explain.go", "forwarder/explain_window.go", "forwarder/explanation.go",
		"forwarder/format_log.go", "forwarder/gathered.go", "forwarder/ready.go", "forwarder/renewal_log.go", "forwarder/report.go",
		"forwarder/routes.go", "forwarder/spool_add.go", "forwarder/spool_open.go", "forwarder/spool_room.go", "forwarder/spool_use.go",
		"forwarder/start_log.go", "forwarder/stats.go", "forwarder/step_recorder.go", "forwarder/store.go", "forwarder/stored_batch.go",
		"forwarder/window_option.go", "forwarder/windows.go",
		"forwarder/internal/engine/broker_stats.go", "forwarder/internal/engine/doc.go", "forwarder/internal/engine/journal.go",
		"forwarder/internal/engine/log_asker.go", "forwarder/internal/engine/log_fetch.go", "forwarder/internal/engine/log_offset.go",
		"forwarder/internal/engine/log_query.go", "forwarder/internal/engine/lost.go", "forwarder/internal/engine/recovered.go",
		"forwarder/internal/engine/rejected.go", "forwarder/internal/engine/renewal.go", "forwarder/internal/engine/sarama_log.go",
		"forwarder/internal/engine/stall.go", "forwarder/internal/producer/journal.go", "forwarder/internal/producer/stats.go",
		"forwarder/receiver/bulk_memory.go", "forwarder/receiver/conversion.go", "forwarder/receiver/doc.go", "forwarder/receiver/identify.go",
		"forwarder/receiver/server_api.go",
	}
}

// Read reads the sources of the repository at root.
func Read(root string) (Sources, error) {
	return read(os.DirFS(root), hotFolders(), hotFiles(), filesAside())
}

func read(repository fs.FS, folders, single, aside []string) (Sources, error) {
	s := Sources{}
	for _, name := range single {
		if err := s.add(repository, name); err != nil {
			return nil, err
		}
	}
	passed := map[string]bool{}
	for _, folder := range folders {
		entries, err := fs.ReadDir(repository, folder)
		if err != nil {
			return nil, fmt.Errorf("hotpath: %w", err)
		}
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			switch {
			case e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				continue
			case slices.Contains(aside, name):
				passed[name] = true
				continue
			}
			if err := s.add(repository, name); err != nil {
				return nil, err
			}
		}
	}
	var gone []error
	for _, name := range aside {
		if !passed[name] {
			gone = append(gone, fmt.Errorf("hotpath: %s is listed as one that does not count, and is no such file", name))
		}
	}
	return s, errors.Join(gone...)
}

func (s Sources) add(repository fs.FS, name string) error {
	text, err := fs.ReadFile(repository, name)
	if err == nil {
		s[name], err = digest(name, text)
	}
	if err != nil {
		return fmt.Errorf("hotpath: %w", err)
	}
	return nil
}

// Changed returns the paths of files that differ, are new, or are gone, in order.
func (s Sources) Changed(now Sources) []string {
	changed := map[string]bool{}
	for name, sum := range s {
		changed[name] = now[name] != sum
	}
	for name := range now {
		if _, ok := s[name]; !ok {
			changed[name] = true
		}
	}
	maps.DeleteFunc(changed, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(changed))
}
