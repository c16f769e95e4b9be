// Package jsonfile reads the configuration files of the example services.
package jsonfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Read reads a file of one JSON value into what into points to. Members that it does not
// know, and anything behind the value, are mistakes. No error quotes the file's text:
// there may be secrets in it.
func Read(path string, into any) error {
	data, err := os.Open(path)
	if err != nil {
		return err
	}
	defer data.Close()
	d := json.NewDecoder(data)
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if at, ok := errors.AsType[*json.SyntaxError](err); ok { // its text quotes a byte
		return fmt.Errorf("no valid JSON at byte %d", at.Offset)
	}
	if err != nil {
		return err
	}
	end := d.InputOffset()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the JSON value, which ends at byte %d: remove it", end)
	}
	return nil
}
