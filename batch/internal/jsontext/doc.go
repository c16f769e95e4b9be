// Package jsontext scans and writes JSON text, byte by byte and without building
// values of it.
//
// Its Skip functions take a text and an index, and return the index after what
// they skip. Where the text breaks the grammar of RFC 8259 they return ^offset of
// the byte that does, which is a negative number. All of them are loops, so that
// nothing in a text can make the stack grow.
package jsontext
