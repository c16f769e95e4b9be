package jvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// A MissingError says what is not installed here, and what to install.
type MissingError struct{ What string }

func (e *MissingError) Error() string { return e.What }

// minJava is what Kafka 4's broker runs on.
const minJava = 17

// Java is an installed Java runtime.
type Java struct{ bin string }

// FindJava looks for Java 17 or newer on PATH. The error is a *MissingError
// when there is none.
func FindJava(ctx context.Context) (Java, error) {
	if err := supported(); err != nil {
		return Java{}, err
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return Java{}, &MissingError{"no java on PATH; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)"}
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return Java{}, fmt.Errorf("jvm: %s -version: %w: %s", path, err, bytes.TrimSpace(out))
	}
	if v := javaVersion(string(out)); v < minJava {
		return Java{}, &MissingError{fmt.Sprintf("%s is Java %d; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)", path, v)}
	}
	return Java{bin: path}, nil
}

// javaVersion reads the major version out of what java -version prints, 0 when
// it finds none. Java 8 calls itself 1.8.
func javaVersion(out string) int {
	m := regexp.MustCompile(`version "(?:1\.)?(\d+)`).FindStringSubmatch(out)
	if m == nil {
		return 0
	}
	v, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return v
}

// Tool returns the path of a program that comes with Java, such as keytool, or with a
// JDK, such as javac.
// The error is a *MissingError when it is not there.
func (j Java) Tool(name string) (string, error) {
	if home, err := filepath.EvalSymlinks(j.bin); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(home), name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &MissingError{"no " + name + " on PATH; it comes with OpenJDK (Debian: openjdk-17-jdk-headless)"}
	}
	return path, nil
}

// Command returns a command for a class on the class path: java, its flags,
// the class and the class's arguments. It is killed when ctx ends.
func (j Java) Command(ctx context.Context, classpath string, flags []string, class string, args ...string) *exec.Cmd {
	all := append([]string{"-cp", classpath}, flags...)
	all = append(append(all, class), args...)
	return exec.CommandContext(ctx, j.bin, all...)
}

// IsMissing reports whether err says that something is not installed, and what.
func IsMissing(err error) (what string, ok bool) {
	var missing *MissingError
	if errors.As(err, &missing) {
		return missing.What, true
	}
	return "", false
}
