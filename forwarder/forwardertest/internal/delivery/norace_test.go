//go:build !race

package delivery

// racing is true under the race detector, where times say little.
const racing = false
