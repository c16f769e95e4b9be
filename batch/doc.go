// Package batch reads, edits and writes batches of customer events in
// mParticle's JSON format, without losing a byte of what nobody edits.
package batch
