package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutant is a file with one change.
type mutant struct {
	file     string // absolute
	source   []byte
	line     int
	from, to int    // offsets of what is replaced
	with     string // by what
	kind     string
}

func (m mutant) changed() []byte {
	return bytes.Join([][]byte{m.source[:m.from], m.source[m.to:]}, []byte(m.with))
}

func (m mutant) String() string {
	name := m.file
	if dir, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(dir, m.file); err == nil {
			name = short
		}
	}
	return fmt.Sprintf("%s:%d: %s", name, m.line, m.kind)
}

// diff returns the lines that differ.
func (m mutant) diff() string {
	begin := bytes.LastIndexByte(m.source[:m.from], '\n') + 1
	end := m.to + bytes.IndexByte(append(m.source[m.to:len(m.source):len(m.source)], '\n'), '\n')
	old := string(m.source[begin:end])
	changed := string(m.source[begin:m.from]) + m.with + string(m.source[m.to:end])
	prefix := func(sign, text string) string {
		return sign + strings.ReplaceAll(text, "\n", "\n"+sign) + "\n"
	}
	return prefix("-", old) + prefix("+", changed)
}

// mutantsOf returns all mutants of the files of packages, without those of
// tests.
func mutantsOf(ctx context.Context, packages []string) ([]mutant, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,GoFiles"}, packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []mutant
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir     string
			GoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		for _, name := range p.GoFiles {
			found, err := mutantsIn(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
}

func mutantsIn(file string) ([]mutant, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := finder{file: file, source: source, fset: fset}
	for node := range ast.Preorder(tree) {
		f.visit(node)
	}
	return f.found, nil
}

// A finder collects the mutants of one file.
type finder struct {
	file   string
	source []byte
	fset   *token.FileSet
	found  []mutant
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) text(node ast.Node) string {
	return string(f.source[f.offset(node.Pos()):f.offset(node.End())])
}

// add adds a mutant that has with instead of the text from one position to
// another.
func (f *finder) add(kind string, from, to token.Pos, with string) {
	f.found = append(f.found, mutant{f.file, f.source, f.fset.Position(from).Line, f.offset(from), f.offset(to), with, kind})
}

func (f *finder) replace(kind string, node ast.Node, with string) {
	f.add(kind, node.Pos(), node.End(), with)
}

// operators has for each operator those to put in its place.
var operators = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.QUO},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND}, token.XOR: {token.OR},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN}, token.MUL_ASSIGN: {token.QUO_ASSIGN},
	token.OR_ASSIGN: {token.AND_ASSIGN}, token.XOR_ASSIGN: {token.OR_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
}

func (f *finder) operator(at token.Pos, op token.Token) {
	for _, other := range operators[op] {
		f.add("operator", at, at+token.Pos(len(op.String())), other.String())
	}
}

func (f *finder) visit(node ast.Node) {
	switch n := node.(type) {
	case *ast.BinaryExpr:
		f.operator(n.OpPos, n.Op)
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.replace("operator removed", n, f.text(n.X))
		}
	case *ast.IfStmt:
		f.replace("condition never", n.Cond, "("+f.text(n.Cond)+") && false")
		f.replace("condition always", n.Cond, "("+f.text(n.Cond)+") || true")
	case *ast.ForStmt:
		if n.Cond != nil {
			f.replace("loop never", n.Cond, "("+f.text(n.Cond)+") && false")
		}
	case *ast.CaseClause:
		f.caseClause(n)
	case *ast.BasicLit:
		f.number(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			f.replace("constant", n, "false")
		case "false":
			f.replace("constant", n, "true")
		}
	case *ast.ReturnStmt:
		f.results(n)
	case *ast.ExprStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
		f.replace("statement removed", n, "{}")
	case *ast.IncDecStmt:
		f.operator(n.TokPos, n.Tok)
		f.replace("statement removed", n, "{}")
	case *ast.AssignStmt:
		f.operator(n.TokPos, n.Tok)
		if n.Tok != token.DEFINE {
			f.replace("statement removed", n, "{}")
		}
	case *ast.BranchStmt:
		f.branch(n)
	}
}

// caseClause empties a case, and takes each of its values away.
func (f *finder) caseClause(n *ast.CaseClause) {
	if len(n.Body) > 0 {
		f.add("case emptied", n.Body[0].Pos(), n.Body[len(n.Body)-1].End(), "")
	}
	for i, value := range n.List {
		if i+1 < len(n.List) {
			f.add("case value removed", value.Pos(), n.List[i+1].Pos(), "")
		}
	}
}

func (f *finder) number(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	f.replace("constant", n, strconv.FormatInt(value+1, 10))
	if value > 0 {
		f.replace("constant", n, strconv.FormatInt(value-1, 10))
	}
}

// results forgets errors that are returned.
func (f *finder) results(n *ast.ReturnStmt) {
	for _, result := range n.Results {
		text := f.text(result)
		if text == "err" || strings.HasPrefix(text, "err") || strings.HasPrefix(text, "fmt.Errorf(") || strings.HasPrefix(text, "&") {
			f.replace("result nil", result, "nil")
		}
	}
}

func (f *finder) branch(n *ast.BranchStmt) {
	switch {
	case n.Label != nil:
	case n.Tok == token.BREAK:
		f.replace("break to continue", n, "continue")
	case n.Tok == token.CONTINUE:
		f.replace("continue to break", n, "break")
	}
}
