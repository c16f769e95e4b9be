package settings

import "strings"

// SetFromEnv sets in s what the environment sets. Pass os.LookupEnv, or
// anything like it.
//
// The variable of a setting is EVENTFERRY_ and its key in upper case, with an
// underscore for each dot: EVENTFERRY_TOPIC_NAME, EVENTFERRY_TLS_CA_FILE.
// Elements of a list are separated by commas, spaces around them do not count;
// booleans are true or false in any case; durations have a unit, as "5ms". An
// empty variable counts as unset, and other variables are not looked at.
//
// A variable wins over what s had. EVENTFERRY_PASSWORD and
// EVENTFERRY_PASSWORD_FILE are two ways to set one thing: setting one of them
// takes back both of s.
//
// All mistakes in variables are joined, each a [*FieldError] that names its
// variable, and leave s as it was. What takes several settings to judge is
// left to [Settings.Validate].
func (s *Settings) SetFromEnv(lookup func(name string) (value string, ok bool)) error {
	next := *s
	from := make(map[string]string) // by key, the variable that set it
	var mistakes []*FieldError
	for _, f := range fields(&next) {
		name := variable(f.key)
		text, ok := lookup(name)
		if !ok || text == "" {
			continue
		}
		if strings.HasPrefix(f.key, "password") && from["password"] == "" {
			next.Password, next.PasswordFile = Secret{}, ""
		}
		from[f.key] = name
		if err := f.setText(text); err != nil {
			mistakes = append(mistakes, &FieldError{Field: f.key, Variable: name, Value: f.shown(text), Reason: err.Error()})
			delete(from, f.key) // there is no value to check
		}
	}
	for _, m := range next.checkFields() {
		if m.Variable = from[m.Field]; m.Variable != "" {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) > 0 {
		return join(mistakes)
	}
	*s = next
	return nil
}
