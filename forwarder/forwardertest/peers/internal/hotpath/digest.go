package hotpath

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/scanner"
	"go/token"
	"strings"
)

// digest is of the tokens of a file: neither comments nor layout change it, but
// directives, which are comments that the compiler reads, do.
func digest(name string, text []byte) (string, error) {
	var s scanner.Scanner
	var bad scanner.ErrorList
	file := token.NewFileSet().AddFile(name, -1, len(text))
	s.Init(file, text, bad.Add, scanner.ScanComments)
	sum := sha256.New()
	for {
		_, t, literal := s.Scan()
		switch {
		case t == token.EOF:
			if bad.Len() > 0 {
				return "", bad.Err()
			}
			return hex.EncodeToString(sum.Sum(nil)[:6]), nil
		case t == token.COMMENT && !strings.HasPrefix(literal, "//go:"):
			continue
		case t == token.SEMICOLON:
			literal = "" // a newline is as good
		}
		_, _ = fmt.Fprintf(sum, "%d %q\n", t, literal) // a hash takes everything
	}
}
