package connect

import (
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// What to change about an identity, in words that fit where it comes from: an
// option replaces settings, which then do not count.

// methodSetting names what chooses the mechanism.
func (i identity) methodSetting() string {
	if i.option == optionAuthenticator {
		return "the mechanism of " + optionAuthenticator
	}
	return "authentication_method"
}

// source names what makes the client authenticate.
func (i identity) source() string {
	if i.user == "" && i.option != "" {
		return i.option
	}
	return i.String()
}

// userSetting completes "or leave", for a listener without users.
func (i identity) userSetting() string {
	if i.option != "" {
		return i.option + " out"
	}
	return "user_name empty"
}

// toAuthenticate says how a client that does not authenticate begins to.
func (i identity) toAuthenticate() string {
	if i.option == optionAuthenticator {
		return "have " + optionAuthenticator + " enable SASL"
	}
	return "set user_name and password"
}

// hasPassword reports whether the mechanism is one with user name and password.
func (i identity) hasPassword() bool {
	switch i.mechanism {
	case sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		return true
	default:
		return false
	}
}

func (i identity) wrongCredentials() string {
	if i.hasPassword() {
		return "wrong user name or password" + i.passwordSource()
	}
	return "wrong or expired credentials"
}

// loginModule is what a broker's jaas configuration needs for the mechanism. Without it
// Apache Kafka offers the mechanism, and closes the connection once it is chosen.
func (i identity) loginModule() string {
	switch i.mechanism {
	case sarama.SASLTypePlaintext:
		return "PlainLoginModule"
	case sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		return "ScramLoginModule"
	case sarama.SASLTypeOAuth:
		return "OAuthBearerLoginModule"
	default:
		return "login module for it"
	}
}

// loginHint says what is wrong with a proof that a broker has refused.
func (i identity) loginHint() string {
	switch {
	case i.mechanism == sarama.SASLTypePlaintext:
		return fmt.Sprintf("wrong password%s, or the broker's jaas configuration has no user_%s entry, which every broker needs",
			i.passwordSource(), shown(i.user))
	case i.hasPassword():
		return fmt.Sprintf("wrong password%s, or the user has no %s credential, which kafka-configs creates",
			i.passwordSource(), i.mechanism)
	case i.mechanism == sarama.SASLTypeOAuth:
		return "the token has expired, or the broker's jaas configuration does not accept its issuer, audience or scope"
	default:
		return "its credentials are wrong or have expired, or the broker's jaas configuration does not accept them"
	}
}

// otherMethods says that the user may be one for another mechanism: PLAIN is what a
// client uses that has chosen none. offered is what the broker offers beside.
func (i identity) otherMethods(offered []string) string {
	if i.mechanism != sarama.SASLTypePlaintext {
		return ""
	}
	scram := slices.DeleteFunc(slices.Clone(offered), func(m string) bool {
		return m != sarama.SASLTypeSCRAMSHA256 && m != sarama.SASLTypeSCRAMSHA512
	})
	if len(scram) == 0 {
		return ""
	}
	slices.Sort(scram)
	return "; it also offers " + quote(few(scram)) + ": set " + i.methodSetting() + " if the user has a password for that"
}

// passwordSource names the file of a password, and says what is odd about it, as an
// explanation has it behind "wrong password".
func (i identity) passwordSource() string {
	switch {
	case i.passwordShape == "":
		return namedFile(i.passwordFile)
	case i.passwordFile == "":
		return " (it " + i.passwordShape + ")"
	default:
		return " (file " + quote(i.passwordFile) + ", which " + i.passwordShape + ")"
	}
}
