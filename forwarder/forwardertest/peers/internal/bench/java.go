package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
)

// javas starts the Java producer, whose process lives as long as the cluster:
// it takes many seconds until its code is compiled.
type javas struct {
	dir       string
	classpath string
	process   *peer.JavaProcess
}

func (s *javas) run(ctx context.Context, j peer.Job) (peer.Report, error) {
	if s.process == nil {
		if err := s.start(ctx); err != nil {
			return peer.Report{}, err
		}
		j.WarmMillis = millis(javaWarmUp)
	}
	r, err := s.process.Run(j)
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		s.close() // its state is anybody's guess
	}
	return r, err
}

func (s *javas) start(ctx context.Context) error {
	if s.classpath == "" {
		jars, err := jvm.KafkaJars(ctx, apachekafka.Version43)
		if err != nil {
			return err
		}
		dir := filepath.Join(s.dir, "java")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		if s.classpath, err = peer.CompileJava(ctx, jars, dir); err != nil {
			return err
		}
	}
	var err error
	s.process, err = peer.StartJava(ctx, s.classpath, clientCore)
	return err
}

func (s *javas) close() {
	if s.process != nil {
		_ = s.process.Close() // it has reported what there was
		s.process = nil
	}
}
