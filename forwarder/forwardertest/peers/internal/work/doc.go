// Package work makes the messages that all contenders send, and checks that
// they have arrived.
//
// A pool is a file of messages, one for each user. A contender sends a message,
// waits for its acknowledgement, counts its number up in place, and may send it
// again then. So nothing is copied, each user's order is its own, and the messages
// that are read back show which ones are missing, twice or out of order.
//
// The file holds, for each message, in this order and with all integers as
// 32 bits, big endian: the lengths of key, input and value; where in the input
// and where in the value the number begins, which is [Digits] decimal digits
// with leading zeros; then the bytes of key, input and value. The input is the
// batch as the forwarder gets it, the value is the message it makes of it.
package work

// Digits is how long the number in a message is.
const Digits = 20
