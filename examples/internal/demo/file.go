package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// fileName names the file by which the Kafka of a folder is found. It is a
// configuration of the gateway.
const fileName = "gateway.json"

// write writes the file, at once since others wait for it, and returns its text. Only its
// owner can read it.
func (d *Demo) write(file string) (text []byte, err error) {
	s := d.Settings
	text, err = json.MarshalIndent(map[string]any{
		"settings": map[string]any{
			"bootstrap_servers": s.BootstrapServers, "topic_name": s.TopicName, "authentication_method": s.AuthenticationMethod,
			"user_name": s.UserName, "password": s.Password.Reveal(), // as made up for this Kafka
			"tls":   map[string]any{"ca_file": s.TLS.CAFile},
			"spool": map[string]any{"dir": s.Spool.Dir, "max_bytes": s.Spool.MaxBytes},
		},
		"feeds":  []any{map[string]any{"name": d.Feeds[0].Name, "secrets": []string{d.Feeds[0].Secrets[0].Reveal()}}},
		"listen": d.Listen, "admin": d.Admin, "cert_file": d.CertFile, "key_file": d.KeyFile,
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "new-*.json") // another Kafka may be writing
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	return text, errors.Join(err, f.Close(), os.Rename(f.Name(), file))
}

// read returns the demo of a file, nil if there is none.
func read(file string) *Demo {
	d := &Demo{File: file}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, d) != nil || len(d.Feeds) != 1 || len(d.Feeds[0].Secrets) != 1 {
		return nil
	}
	d.Kafka = fmt.Sprintf("A Kafka in a process of its own keeps messages in memory, until %s is removed or nobody has used it for %v", filepath.Dir(file), Idle)
	return d
}
