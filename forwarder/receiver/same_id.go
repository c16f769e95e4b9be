package receiver

// A sameIDClaims has the claims of one id, by body. Nearly each id has one body, but a
// sender may give one id to all that it posts: then, too, one is found in one step.
type sameIDClaims struct {
	only *claim
	more *map[contentDigest]*claim // in place of only, once there were two
}

// find returns the claim of a body, if there is one, and whether there are others.
func (s sameIDClaims) find(body contentDigest) (c *claim, others bool) {
	switch {
	case s.more != nil:
		c, ok := (*s.more)[body]
		return c, len(*s.more) > 1 || !ok
	case s.only != nil && s.only.body == body:
		return s.only, false
	}
	return nil, s.only != nil
}

// with adds a claim whose body is new.
func (s sameIDClaims) with(c *claim) sameIDClaims {
	switch {
	case s.more != nil:
		(*s.more)[c.body] = c
	case s.only != nil:
		return sameIDClaims{more: &map[contentDigest]*claim{s.only.body: s.only, c.body: c}}
	default:
		s.only = c
	}
	return s
}

// without takes a claim out, if it is there. What has none is the zero value.
func (s sameIDClaims) without(c *claim) sameIDClaims {
	switch {
	case s.only == c:
		return sameIDClaims{}
	case s.more == nil || (*s.more)[c.body] != c:
		return s
	}
	if delete(*s.more, c.body); len(*s.more) == 0 {
		return sameIDClaims{}
	}
	return s
}
