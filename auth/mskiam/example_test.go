package mskiam_test

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/auth/mskiam"
)

// The process assumes a role that may write to the cluster's topic.
func ExampleIAM() {
	a := &mskiam.IAM{
		Region:  "eu-west-1",
		RoleARN: "arn:aws:iam::123456789012:role/producer",
	}
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	if err := a.Apply(cfg); err != nil { // as forwarder.WithAuthenticator(a) does
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Net.SASL.Mechanism)
	// Output: OAUTHBEARER
}
