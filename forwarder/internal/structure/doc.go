// Package structure holds tests about the shape of the repository: who imports
// whom, how many files of a package depend on each other, and that one name
// means one thing. It exports nothing.
//
//	go test -v -run Knot ./forwarder/internal/structure
//
// prints files, lines and the largest knot of each package.
package structure
