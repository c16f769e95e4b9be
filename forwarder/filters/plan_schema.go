package filters

import (
	"slices"
	"strings"
)

// fewNames are found faster one by one than by a map.
const fewNames = 8

// A planSchema is the part of a JSON schema that says which members an object may
// have. Only that decides about blocking, so there is no need to validate values.
type planSchema struct {
	reader *planReader
	path   string
	text   []byte // nil: there is none
	none   bool   // because the object around it plans no such member
}

// step returns the schema of a member.
func (s planSchema) step(name string) planSchema {
	next := planSchema{reader: s.reader, path: s.path + ".properties." + name, none: s.none}
	if s.text == nil {
		return next
	}
	s.refuse()
	properties := s.properties()
	value, ok := soleMember(properties, name)
	switch {
	case !ok:
		s.reader.mistake(next.path, "is there twice")
	case isObjectText(value):
		next.text = value
	case value == nil:
		next.none = s.closed()
	case string(value) != "true":
		s.reader.mistake(next.path, "must be an object")
	}
	return next
}

// items returns the schema of the elements of a list.
func (s planSchema) items() planSchema {
	next := planSchema{reader: s.reader, path: s.path + ".items", none: s.none}
	if s.text == nil {
		return next
	}
	value, ok := soleMember(s.text, "items")
	switch {
	case !ok:
		s.reader.mistake(next.path, "is there twice")
	case isObjectText(value):
		next.text = value
	case value != nil && string(value) != "true":
		s.reader.mistake(next.path, "must be an object")
	}
	return next
}

// products returns the attributes that products within an object may have.
func (s planSchema) products() attributeSet {
	return s.step("products").items().step("custom_attributes").attributes()
}

// attributes returns the members that an object of this schema may have.
func (s planSchema) attributes() attributeSet {
	if s.none {
		return attributeSet{closed: true}
	}
	if s.text == nil {
		return attributeSet{}
	}
	s.refuse()
	set := attributeSet{closed: s.closed(), names: map[string]bool{}}
	for m := scanMembers(s.properties()); m.next(); {
		name := string(m.plainName())
		set.names[name] = !strings.Contains(name, `\`)
	}
	if len(set.names) <= fewNames {
		set.few = []string{}
		for name, plain := range set.names {
			if plain {
				set.few = append(set.few, name)
			}
		}
		slices.Sort(set.few)
	}
	return set
}

func (s planSchema) properties() []byte {
	value := s.reader.member(s.text, s.path, "properties")
	if !isNothing(value) && !isObjectText(value) {
		s.reader.mistake(s.path+".properties", "must be an object")
	}
	return value
}

// closed reports whether an object may have no other members than those that the
// schema lists.
func (s planSchema) closed() bool {
	return string(s.reader.member(s.text, s.path, "additionalProperties")) == "false"
}

// refuse reports keywords that could plan members in a way that this package does
// not read. mParticle's plans have none of them.
func (s planSchema) refuse() {
	for _, keyword := range []string{"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "unevaluatedProperties"} {
		if value, ok := soleMember(s.text, keyword); value != nil || !ok {
			s.reader.mistake(s.path+"."+keyword, "is not supported")
		}
	}
}
