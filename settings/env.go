package settings

import "strings"

// SetFromEnv sets the fields of s that the environment has. Pass os.LookupEnv or
// a function like it.
//
// The variable of a setting is EVENTFERRY_ and its key in upper case, with an
// underscore for each dot: EVENTFERRY_TOPIC_NAME, EVENTFERRY_TLS_CA_FILE.
// Elements of a list are separated by commas, spaces around them do not count, save
// that EVENTFERRY_FILTERS is JSON text; booleans are true or false in any case; durations have a unit, as "5ms". An
// empty variable counts as unset, and other variables are ignored; [Unknown] finds
// those that are probably misspelt.
//
// A variable wins over the field of s. EVENTFERRY_PASSWORD and
// EVENTFERRY_PASSWORD_FILE are two ways to set the password: setting one of them
// unsets both in s first.
//
// All mistakes in variables are joined, each a [*FieldError] that names its
// variable, and leave s as it was. Checks across several settings are left to
// [Settings.Validate], which then names the variables of required settings that are
// missing.
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
	next.fromEnv = true
	*s = next
	return nil
}
