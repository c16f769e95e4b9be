package mskiam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	// early is how long before their end credentials are replaced. EC2 has new ones
	// at least five minutes before the old ones expire.
	early = 5 * time.Minute

	defaultSessionName = "eventferry"
)

// credentials returns those that are held until shortly before their end, or finds
// some. Those held serve until their end where none are found.
func (i *IAM) credentials(ctx context.Context) (aws.Credentials, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.held.CanExpire && time.Until(i.held.Expires) > early {
		return i.held, nil
	}
	found, err := i.find(ctx)
	switch {
	case err == nil && found.HasKeys():
		i.held = found
		return found, nil
	case i.held.CanExpire && time.Now().Before(i.held.Expires):
		return i.held, nil // the next call tries again
	default:
		return aws.Credentials{}, i.explain(err)
	}
}

// find reads the configuration anew: files and variables may have changed.
func (i *IAM) find(ctx context.Context) (aws.Credentials, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(i.Region)}
	if i.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(i.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Credentials{}, err
	}
	if i.RoleARN == "" {
		return cfg.Credentials.Retrieve(ctx)
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), i.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = cmp.Or(i.RoleSessionName, defaultSessionName)
		if i.ExternalID != "" {
			o.ExternalID = &i.ExternalID
		}
	})
	return role.Retrieve(ctx)
}

// errorCode is how AWS spells error codes.
var errorCode = regexp.MustCompile(`^[A-Za-z.]{1,64}$`)

// explain returns err, nil where credentials were found without keys, without free text. That of AWS may quote the request, with its
// session token, and that of the files the line that could not be read.
func (i *IAM) explain(err error) error {
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return fmt.Errorf("mskiam: looking for credentials: %w", ended)
		}
	}
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return fmt.Errorf("mskiam: IAM.Profile: the AWS configuration files have no profile %q", missing.Profile)
	}
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		code := "unknown code"
		if errorCode.MatchString(refused.ErrorCode()) {
			code = refused.ErrorCode()
		}
		return fmt.Errorf("mskiam: %s refused (%s)%s", asked(err), code, i.advice())
	}
	if network, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("mskiam: %s: %w", asked(err), network.Err)
	}
	if i.Profile != "" {
		return fmt.Errorf("mskiam: profile %q gives no credentials: check it in the AWS configuration files", i.Profile)
	}
	return errors.New("mskiam: no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or give the process a role")
}

// advice says what to look at when AWS refuses.
func (i *IAM) advice() string {
	if i.RoleARN != "" {
		return fmt.Sprintf(": check that the credentials are good and may assume %s", i.RoleARN)
	}
	return ": check the credentials"
}

// asked names what AWS was asked for.
func asked(err error) string {
	if call, ok := errors.AsType[*smithy.OperationError](err); ok {
		return call.Service() + " " + call.Operation()
	}
	return "asking AWS"
}
