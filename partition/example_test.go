package partition_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/partition"
)

func ExampleMurmur2() {
	fmt.Println(partition.Murmur2([]byte("-7712345678901234567"), 48))
	// Output: 47
}

// Any Sarama producer can place users as the forwarder does.
func ExampleByUser() {
	cfg := sarama.NewConfig()
	cfg.Producer.Partitioner = partition.ByUser(partition.Murmur2)

	p := cfg.Producer.Partitioner("events")
	i, err := p.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder("42")}, 12)
	fmt.Println(i, err)
	// Output: 4 <nil>
}

// A sample of users must not come from the hash that places them. One with the
// sample's name in it has nothing to do with partitions, nor with other samples.
func Example_sample() {
	inSample := func(name, userID string, percent uint64) bool {
		h := sha256.Sum256([]byte(name + "\x00" + userID))
		return binary.BigEndian.Uint64(h[:])%100 < percent
	}
	users := map[int32]int{}
	for id := range 10_000 {
		userID := fmt.Sprint(id)
		if inSample("new checkout", userID, 10) {
			users[partition.Murmur2([]byte(userID), 4)]++
		}
	}
	fmt.Println("users by partition:", users)
	// Output: users by partition: map[0:274 1:247 2:226 3:256]
}
