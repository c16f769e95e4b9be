package receiver

import (
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// enums gives the members of an object that are constants their wire form. The Java
// SDK writes the names of its constants instead.
func (c *conversion) enums(object batch.Value) {
	for name, v := range object.All() {
		text, ok := v.Text()
		if !ok || wireValues(name) == nil {
			continue
		}
		if wire := wireForm(name, text); wire != text {
			c.set(v, wire)
		}
	}
}

// wireForm returns the value of a member that differs from text in case only, or in
// underscores if text is in upper case, or else text.
func wireForm(member, text string) string {
	for _, value := range wireValues(member) {
		if strings.EqualFold(value, text) ||
			text == strings.ToUpper(text) && strings.EqualFold(withoutUnderscores(value), withoutUnderscores(text)) {
			return value
		}
	}
	if member == "application_transition_type" && text == strings.ToUpper(text) && !strings.HasPrefix(text, "APPLICATION_") {
		return wireForm(member, "APPLICATION_"+text) // the Java SDK's INITIALIZED
	}
	return text
}

func withoutUnderscores(s string) string { return strings.ReplaceAll(s, "_", "") }

// wireValues returns the values of a member, wherever it is, or nil for one that is
// no constant. They are those of mParticle's schema of the Events API.
func wireValues(member string) []string {
	switch member {
	case "custom_event_type":
		return []string{"navigation", "location", "search", "transaction", "user_content", "user_preference", "social", "other", "media",
			"add_to_cart", "remove_from_cart", "checkout", "checkout_option", "click", "view_detail", "purchase", "refund", "promotion_view",
			"promotion_click", "add_to_wishlist", "remove_from_wishlist", "impression", "attribution", "consent_granted", "consent_denied"}
	case "action":
		return []string{"add_to_cart", "remove_from_cart", "checkout", "checkout_option", "click", "view_detail", "purchase", "refund",
			"add_to_wishlist", "remove_from_wish_list", "view"}
	case "application_transition_type":
		return []string{"application_initialized", "application_exit", "application_background", "application_foreground"}
	case "profile_event_type":
		return []string{"signup", "login", "logout", "update", "delete"}
	case "push_message_type":
		return []string{"sent", "received", "action"}
	case "application_state":
		return []string{"not_running", "background", "foreground"}
	case "push_message_behavior":
		return []string{"Received", "DirectOpen", "Read", "InfluencedOpen", "Displayed"}
	case "device_orientation", "status_bar_orientation":
		return []string{"portrait", "portrait_upside_down", "landscape", "LandscapeLeft", "LandscapeRight", "FaceUp", "FaceDown", "Square"}
	case "platform":
		return []string{"iOS", "Android", "web", "tvOS", "roku", "out_of_band", "alexa", "smart_tv", "fire_tv", "xbox"}
	case "att_authorization_status":
		return []string{"authorized", "denied", "not_determined", "restricted"}
	case "os":
		return []string{"IOS", "Android", "WindowsPhone", "MobileWeb", "UnityIOS", "UnityAndroid", "Desktop", "TVOS", "Roku", "OutOfBand",
			"Alexa", "SmartTV", "FireTV", "Xbox"}
	case "identity_type":
		return []string{"other", "customer_id", "facebook", "twitter", "google", "microsoft", "yahoo", "email", "alias",
			"facebook_custom_audience_id", "other_id_2", "other_id_3", "other_id_4"}
	}
	return nil
}
