package settings

import (
	"fmt"
	"regexp"
	"strings"
)

// An UnknownVariable is an environment variable that looks like one of a setting and
// is none, so that nothing reads it.
type UnknownVariable struct {
	Name  string // such as EVENTFERRY_INCLUDE_LOCATION
	Meant string // the variable that is probably meant, such as EVENTFERRY_INCLUDE_LOCATION_INFORMATION; "": none is near
}

// String says what is wrong, on one line, and nothing of the value.
func (v UnknownVariable) String() string {
	if v.Meant == "" {
		return v.Name + ": is no setting"
	}
	return fmt.Sprintf("%s: do you mean %s?", v.Name, v.Meant)
}

// Unknown returns the variables of environ that begin with EVENTFERRY_ and belong to
// no setting, in their order. environ is in the form of [os.Environ]. Log them:
// [Settings.SetFromEnv] ignores them, so that a misspelt EVENTFERRY_INCLUDE_LOCATION
// would let locations leave.
//
// It leaves out empty variables, which count as unset, and those that Kubernetes and
// Docker make for services and links that are named eventferry, such as
// EVENTFERRY_SERVICE_HOST and EVENTFERRY_PORT_9093_TCP_ADDR. A name that differs from
// a setting's in the case of letters, or by a slip in the prefix, is in the list, too.
func Unknown(environ []string) []UnknownVariable {
	var s Settings
	var known []string
	for _, f := range fields(&s) {
		known = append(known, variable(f.key))
	}
	var list []UnknownVariable
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || injected.MatchString(name) {
			continue
		}
		meant, cost := nearest(name, known)
		switch {
		case cost == 0: // a setting's
		case cost <= mostSlips:
			list = append(list, UnknownVariable{name, meant})
		case strings.HasPrefix(strings.ToUpper(name), variablePrefix):
			list = append(list, UnknownVariable{name, ""})
		}
	}
	return list
}

// injected matches what container platforms add for a service or a container whose
// name begins with eventferry.
var injected = regexp.MustCompile(`^EVENTFERRY(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?|NAME|ENV_.+)$`)

const (
	mostPrefixSlips = 2 // in variablePrefix
	mostSlips       = 4 // in all
	missingWord     = 3 // costs as much as so many slips: a name without its group, or cut short
	shortWord       = 2 // the same: INFO for INFORMATION
)

// nearest returns the name of known that costs the fewest slips, and how many; with
// several of the same cost the first.
func nearest(name string, known []string) (meant string, cost int) {
	cost = mostSlips + 1
	upper := strings.ToUpper(name)
	prefix, _, ok := strings.Cut(upper, "_")
	if !ok || letterDistance(prefix+"_", variablePrefix) > mostPrefixSlips {
		return "", cost
	}
	for _, k := range known {
		if k == name {
			return k, 0
		}
		c := min(letterDistance(upper, k),
			editDistance(strings.Split(upper, "_"), strings.Split(k, "_"), func(string) int { return missingWord }, wordDistance))
		if c = max(c, 1); c < cost { // 1: another case of letters
			meant, cost = k, c
		}
	}
	return meant, cost
}

// wordDistance is how many slips make b of a word a.
func wordDistance(a, b string) int {
	d := letterDistance(a, b)
	if len(a) > shortWord && strings.HasPrefix(b, a) {
		return min(d, shortWord)
	}
	return d
}

func letterDistance(a, b string) int {
	return editDistance([]rune(a), []rune(b), func(rune) int { return 1 }, func(rune, rune) int { return 1 })
}

// editDistance is Levenshtein's: the least that makes b of a by inserting, removing
// and replacing elements, which cost as much as the functions say.
func editDistance[T comparable](a, b []T, alone func(T) int, replace func(T, T) int) int {
	row := make([]int, len(b)+1)
	for j := range b {
		row[j+1] = row[j] + alone(b[j])
	}
	for _, x := range a {
		diagonal := row[0]
		row[0] += alone(x)
		for j, y := range b {
			best := diagonal
			if x != y {
				best += replace(x, y)
			}
			diagonal = row[j+1]
			row[j+1] = min(best, row[j]+alone(y), diagonal+alone(x))
		}
	}
	return row[len(b)]
}
