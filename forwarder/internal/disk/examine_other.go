//go:build !linux

package disk

func freeBytes(string) int64 { return -1 }
