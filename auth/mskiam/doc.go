// Package mskiam authenticates to Amazon MSK with IAM: with tokens that are signed with
// the AWS credentials of the process instead of a password. It is a module of its own,
// so that only those who use it get the AWS SDK.
//
//	a := &mskiam.IAM{Region: "eu-west-1"}
//	f, err := forwarder.New(ctx, s, forwarder.WithAuthenticator(a))
//
// The settings name the cluster's bootstrap servers for IAM, and no user, password or
// authentication method.
//
// # Tokens
//
// A token is a signed URL for the action kafka-cluster:Connect, sent with OAUTHBEARER
// (package auth/oauth). It is good for 15 minutes. One is signed for each new connection
// and each re-authentication (KIP-368), in this process: signing asks no server.
//
// # Credentials
//
// They come from the SDK's default chain: AWS_ACCESS_KEY_ID and its companions, the
// shared configuration files, web identity (Kubernetes), the container, the EC2
// instance. [IAM.Profile] names a profile of the files, and [IAM.RoleARN] a role to
// assume. Credentials that do not expire are read again for each token, so that new keys
// in a file count without a restart. Others are kept until five minutes before they
// expire. For credentials of another kind, use an oauth.TokenFunc that calls the signer
// (github.com/aws/aws-msk-iam-sasl-signer-go).
//
// # Permissions
//
// A producer needs kafka-cluster:Connect and kafka-cluster:WriteDataIdempotently for the
// cluster, and kafka-cluster:DescribeTopic and kafka-cluster:WriteData for the topic
// (the page "Semantics of IAM authorization policy actions and resources" of the Amazon
// MSK Developer Guide).
//
// # What was tried
//
// This package has not been tried on Amazon MSK. Its tokens are no JWS, so Apache Kafka's
// own validators cannot judge them. Its tests give Apache Kafka one that can, and that
// has nothing from AWS: it computes the signature by what AWS documents, and looks at
// host, action and time. With it, sessions end after four seconds under load, and nothing
// is lost, doubled or overtaken; tokens that have expired, or are signed with another
// secret, for another region or for another action, are refused. Which of these it was, a
// broker says of the action at most, and the error no more than that. Other tests compare
// a token, parameter by parameter, with what AWS's signer documents, and count the tokens
// that reach a broker.
package mskiam
