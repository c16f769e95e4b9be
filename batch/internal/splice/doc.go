// Package splice edits JSON text without changing it. A [Document] keeps the text
// and a list of what to write in place of some of it, so an edit costs the same
// whatever the length of the text, and text that no edit touches is written byte
// for byte.
//
// Callers find their way in the text themselves: the methods take the indexes of
// values, entries and brackets in it, as they were before edits. All of them trust
// that the text is valid.
package splice
