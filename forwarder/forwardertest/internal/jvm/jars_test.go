package jvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program puts a shell script first on PATH.
func program(t *testing.T, name, script string) {
	t.Helper()
	needUnix(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// emptyCache gives the test a cache folder of its own and returns it.
func emptyCache(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", "")
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "eventferry")
}

// copies is a Maven that makes two jars where it is told to and counts its runs.
const copies = `
test -f "$4" || exit 1
for arg; do case $arg in -DoutputDirectory=*) dir=${arg#*=};; esac; done
mkdir "$dir" && touch "$dir/b.jar" "$dir/a.jar" && echo run >>"$RUNS"
`

func TestKafkaJars_fetchedOnce(t *testing.T) {
	cache := emptyCache(t)
	runs := filepath.Join(t.TempDir(), "runs")
	t.Setenv("RUNS", runs)
	program(t, "mvn", copies)
	leftover := filepath.Join(cache, "kafka-1.2.3.part", "jars") // of a killed process
	require.NoError(t, os.MkdirAll(leftover, 0o700))

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			classpath, err := KafkaJars(t.Context(), "1.2.3")
			assert.NoError(t, err)
			dir := filepath.Join(cache, "kafka-1.2.3")
			assert.Equal(t, filepath.Join(dir, "a.jar")+":"+filepath.Join(dir, "b.jar"), classpath)
		})
	}
	wg.Wait()
	counted, err := os.ReadFile(runs)
	require.NoError(t, err)
	assert.Equal(t, "run\n", string(counted))
	assert.NoDirExists(t, filepath.Dir(leftover))

	t.Setenv("PATH", "") // not needed any more
	_, err = KafkaJars(t.Context(), "1.2.3")
	assert.NoError(t, err)
}

func TestKafkaJars_missing(t *testing.T) {
	t.Run("no Maven", func(t *testing.T) {
		needUnix(t)
		emptyCache(t)
		t.Setenv("PATH", "")
		_, err := KafkaJars(t.Context(), "1.2.3")
		what, ok := IsMissing(err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "no mvn on PATH to fetch Kafka 1.2.3 with; install Maven (Debian: maven)", what)
	})
	t.Run("Maven fails", func(t *testing.T) {
		cache := emptyCache(t)
		program(t, "mvn", "echo no such host; exit 1")
		_, err := KafkaJars(t.Context(), "1.2.3")
		what, ok := IsMissing(err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "Maven cannot get Kafka 1.2.3: jvm: mvn: exit status 1: no such host", what)
		assert.NoDirExists(t, filepath.Join(cache, "kafka-1.2.3"))
	})
}

func TestKafkaJars_waitsForLockUntilContextEnds(t *testing.T) {
	needUnix(t)
	cache := emptyCache(t)
	require.NoError(t, os.MkdirAll(cache, 0o700))
	unlock, err := lock(t.Context(), filepath.Join(cache, "kafka-1.2.3.lock"))
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = KafkaJars(ctx, "1.2.3")
	require.ErrorIs(t, err, context.Canceled)
}

func TestFindJava(t *testing.T) {
	for _, c := range []struct{ says, missing string }{
		{`openjdk version "17.0.15" 2025-04-15`, ""},
		{`openjdk version "21" 2023-09-19`, ""},
		{`openjdk version "11.0.2" 2019-01-15`, " is Java 11; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)"},
		{`java version "1.8.0_401"`, " is Java 8; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)"},
	} {
		t.Run(c.says, func(t *testing.T) {
			program(t, "java", fmt.Sprintf("echo '%s' >&2", c.says))
			_, err := FindJava(t.Context())
			if c.missing == "" {
				require.NoError(t, err)
				return
			}
			what, ok := IsMissing(err)
			require.True(t, ok, "%v", err)
			assert.True(t, strings.HasSuffix(what, c.missing), what)
		})
	}
	t.Run("none", func(t *testing.T) {
		needUnix(t)
		t.Setenv("PATH", "")
		_, err := FindJava(t.Context())
		what, ok := IsMissing(err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "no java on PATH; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)", what)
	})
}

func TestJava_tool(t *testing.T) {
	program(t, "java", `echo 'openjdk version "17"'`)
	j, err := FindJava(t.Context())
	require.NoError(t, err)
	beside := filepath.Join(filepath.Dir(j.bin), "keytool")
	require.NoError(t, os.WriteFile(beside, []byte("#!/bin/sh\n"), 0o700))
	found, err := j.Tool("keytool")
	require.NoError(t, err)
	assert.Equal(t, beside, found)
	_, err = j.Tool("no-such-tool")
	_, ok := IsMissing(err)
	assert.True(t, ok, "%v", err)
}
