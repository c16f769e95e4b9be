package settings

import (
	"encoding"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A field is one setting within a Settings, by its key.
type field struct {
	key   string        // with that of its group, such as "tls.ca_file"
	value reflect.Value // can be set
}

// fields lists the settings of s in the order of the struct, which is the one
// table of them: its tags are the keys.
func fields(s *Settings) []field { return appendFields(nil, "", reflect.ValueOf(s).Elem()) }

func appendFields(list []field, prefix string, group reflect.Value) []field {
	for f, v := range group.Fields() {
		if !f.IsExported() {
			continue
		}
		key := prefix + f.Tag.Get("json")
		switch v.Interface().(type) {
		case TLS, Delivery, Spool:
			list = appendFields(list, key+".", v)
		default:
			list = append(list, field{key, v})
		}
	}
	return list
}

// variablePrefix begins the names of all variables.
const variablePrefix = "EVENTFERRY_"

// variable returns the environment variable of the setting key.
func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// setText sets the field from text in the form of the environment. The error is
// a reason and does not quote the text.
func (f field) setText(text string) error {
	switch p := f.value.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New(`must be a duration with its unit, such as "5ms"`)
		}
		*p = d
		return nil
	}
	switch f.value.Kind() {
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, f.value.Type().Bits())
		if errors.Is(err, strconv.ErrRange) {
			return errors.New("is out of range")
		}
		if err != nil {
			return errors.New("must be a whole number")
		}
		f.value.SetInt(n)
	case reflect.Slice:
		f.setList(strings.Split(text, ","))
	default:
		f.value.SetString(text)
	}
	return nil
}

// shown returns the form of text that an error may show.
func (f field) shown(text string) string {
	switch f.value.Interface().(type) {
	case Secret, FilterList: // a list is too long to help
		return ""
	}
	return text
}

// setList sets a field that is a list, or bootstrap_servers, which is a list as
// text.
func (f field) setList(elements []string) {
	if f.value.Kind() == reflect.String {
		f.value.SetString(strings.Join(elements, ","))
		return
	}
	if len(elements) == 0 {
		f.value.SetZero()
		return
	}
	list := reflect.MakeSlice(f.value.Type(), len(elements), len(elements))
	for i, e := range elements {
		list.Index(i).SetString(strings.TrimSpace(e))
	}
	f.value.Set(list)
}

// Equal reports whether both have the same settings, passwords included. An
// unset field and its default differ; compare the results of
// [Settings.WithDefaults] to treat them alike.
func (s Settings) Equal(other Settings) bool {
	return slices.EqualFunc(fields(&s), fields(&other), func(a, b field) bool {
		if secret, ok := a.value.Interface().(Secret); ok {
			return secret.Equal(other.Password)
		}
		if a.value.Kind() == reflect.Slice && a.value.Len() == 0 {
			return b.value.Len() == 0
		}
		return reflect.DeepEqual(a.value.Interface(), b.value.Interface())
	})
}
