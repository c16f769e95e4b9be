// Package window decides which batches of a device leave as one, and when. It
// knows no disk and no Kafka: it is told of each batch once that is stored, and
// says which windows are closed.
package window
