package apachekafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

// A javaClass is the source of a class of the caller's.
type javaClass struct{ name, source string }

// compile compiles classes into a folder, and returns the class path with that.
func compile(ctx context.Context, java jvm.Java, classes []javaClass, classpath, dir string) (string, error) {
	if len(classes) == 0 {
		return classpath, nil
	}
	javac, err := java.Tool("javac")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("apachekafka: %w", err)
	}
	args := []string{"-cp", classpath, "-d", dir}
	for _, class := range classes {
		file := filepath.Join(dir, class.name+".java")
		if err := os.WriteFile(file, []byte(class.source), 0o600); err != nil {
			return "", fmt.Errorf("apachekafka: %w", err)
		}
		args = append(args, file)
	}
	if _, err := jvm.Output(exec.CommandContext(ctx, javac, args...)); err != nil {
		return "", fmt.Errorf("apachekafka: compiling: %w", err)
	}
	return strings.Join([]string{dir, classpath}, string(filepath.ListSeparator)), nil
}
