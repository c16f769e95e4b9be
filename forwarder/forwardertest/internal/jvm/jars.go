package jvm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// KafkaJars returns the class path of Apache Kafka's broker and tools. The
// first call for a version has Maven copy the jars (some 55 MB) into the
// user's cache folder, from whatever repository Maven is set up for; later
// ones, in any process, find them there. The error is a *MissingError when
// they are not there and there is no Maven, or Maven cannot get them.
func KafkaJars(ctx context.Context, version string) (classpath string, err error) {
	if err := supported(); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("jvm: no folder for Kafka's jars: %w", err)
	}
	cache = filepath.Join(cache, "eventferry")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", fmt.Errorf("jvm: no folder for Kafka's jars: %w", err)
	}
	dir := filepath.Join(cache, "kafka-"+version)
	if jars, ok := jarsIn(dir); ok {
		return jars, nil
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if jars, ok := jarsIn(dir); ok { // of another process, meanwhile
		return jars, nil
	}
	if err := fetch(ctx, version, dir); err != nil {
		return "", err
	}
	jars, ok := jarsIn(dir)
	if !ok {
		return "", fmt.Errorf("jvm: Maven left no jars in %s", dir)
	}
	return jars, nil
}

// jarsIn makes a class path of a folder, in the order of names.
func jarsIn(dir string) (classpath string, ok bool) {
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", false
	}
	return strings.Join(jars, string(filepath.ListSeparator)), true
}

// The excluded artifacts are second homes for log lines, which would win.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.github.eventferry</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

// fetch fills a folder beside dir and renames it, so that dir is complete or
// not there. The caller has the version's lock.
func fetch(ctx context.Context, version, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return &MissingError{"no mvn on PATH to fetch Kafka " + version + " with; install Maven (Debian: maven)"}
	}
	tmp := dir + ".part"
	if err := os.RemoveAll(tmp); err != nil { // of a process that was killed
		return fmt.Errorf("jvm: fetching Kafka %s: %w", version, err)
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return fmt.Errorf("jvm: fetching Kafka %s: %w", version, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	file := filepath.Join(tmp, "pom.xml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(pom, "VERSION", version)), 0o600); err != nil {
		return fmt.Errorf("jvm: fetching Kafka %s: %w", version, err)
	}
	jars := filepath.Join(tmp, "jars")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", file, "dependency:copy-dependencies",
		"-DoutputDirectory="+jars, "-DexcludeArtifactIds=slf4j-reload4j,slf4j-log4j12")
	cmd.Dir = tmp
	if _, err := Output(cmd); err != nil {
		return &MissingError{fmt.Sprintf("Maven cannot get Kafka %s: %v", version, err)}
	}
	if err := os.Rename(jars, dir); err != nil {
		return fmt.Errorf("jvm: fetching Kafka %s: %w", version, err)
	}
	return nil
}
