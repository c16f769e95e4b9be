package mskiam

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/IBM/sarama"
	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/settings"
)

// IAM authenticates to Amazon MSK with AWS credentials. It is an auth.Authenticator, for
// forwarder.WithAuthenticator, and an [oauth.TokenSource]. Use it as a pointer, for any
// number of clients, and do not change it once it is used.
type IAM struct {
	// Region is the cluster's region, such as eu-west-1. Required: AWS_REGION does not
	// count, since a process may run in another region than its cluster.
	Region string

	// Profile is a profile of the shared configuration files whose credentials are
	// used. Default: the SDK's default credential chain.
	Profile string

	// RoleARN is a role to assume with the credentials found, such as
	// arn:aws:iam::123456789012:role/producer. Default: none is assumed.
	RoleARN string

	// RoleSessionName names the role's session in AWS's logs. Default: eventferry.
	RoleSessionName string

	// ExternalID is what the role's trust policy asks for, where it is another
	// account's. Default: none.
	ExternalID string

	mu   sync.Mutex
	held aws.Credentials // those that expire
}

var (
	region  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$`)
)

// Apply sets all of Net.SASL. It refuses a configuration without TLS, and fields of IAM
// that are missing or not of their form. It looks for no credentials and signs nothing.
func (i *IAM) Apply(cfg *sarama.Config) error {
	if err := i.check(); err != nil {
		return err
	}
	return (&oauth.Bearer{Tokens: i}).Apply(cfg)
}

// Token signs a new token with the credentials of that moment. It looks for credentials,
// which may read files and ask AWS, unless it has some that expire later. Calls wait for
// each other meanwhile. Its errors say what is missing, and hold no credential and no
// text of AWS's other than error codes.
func (i *IAM) Token(ctx context.Context) (settings.Secret, error) {
	if err := i.check(); err != nil {
		return settings.Secret{}, err
	}
	credentials, err := i.credentials(ctx)
	if err != nil {
		return settings.Secret{}, err
	}
	found := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, i.Region, found)
	if err != nil {
		return settings.Secret{}, errors.New("mskiam: the token could not be signed with the credentials found")
	}
	return settings.NewSecret(token), nil
}

func (i *IAM) check() error {
	switch {
	case i.Region == "":
		return errors.New("mskiam: IAM.Region is required: the cluster's region, such as eu-west-1")
	case !region.MatchString(i.Region):
		return fmt.Errorf("mskiam: IAM.Region %q is no region: it must be such as eu-west-1", i.Region)
	case i.RoleARN == "" && i.ExternalID != "":
		return errors.New("mskiam: IAM.ExternalID counts only with IAM.RoleARN, which is not set")
	case i.RoleARN == "" && i.RoleSessionName != "":
		return errors.New("mskiam: IAM.RoleSessionName counts only with IAM.RoleARN, which is not set")
	case i.RoleARN != "" && !roleARN.MatchString(i.RoleARN):
		return errors.New("mskiam: IAM.RoleARN must be such as arn:aws:iam::123456789012:role/producer")
	default:
		return nil
	}
}
