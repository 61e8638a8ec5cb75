package kerberos

// Media types are read as leniently as sources are various: any case, blanks around ; and =, values quoted or bare, parameters in any
// order. There are no escapes in a boundary or a protocol word. Nothing is allocated.

type text interface{ ~string | ~[]byte }

// mediaKind is what stands before the parameters.
func mediaKind[T text](s T) T {
	kind, _ := cutAny(s, ';', ';')
	return trim(kind)
}

// mediaParam finds the first parameter of that name.
func mediaParam[T text](s T, name string) (value T, ok bool) {
	for len(s) > 0 {
		key, rest := cutAny(s, '=', ';')
		if len(key) == len(s) {
			break
		}
		if s[len(key)] == ';' {
			s = rest
			continue
		}
		value, s = cutValue(rest)
		if fold(trim(key), name) {
			return value, true
		}
	}
	return value[:0], false
}

// cutValue takes a value off the front, and all that is before the next parameter.
func cutValue[T text](s T) (value, rest T) {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	if len(s) > 0 && s[0] == '"' {
		value, s = cutAny(s[1:], '"', '"')
		_, rest = cutAny(s, ';', ';')
		return value, rest
	}
	value, rest = cutAny(s, ';', ';')
	return trim(value), rest
}

// cutAny cuts at the first of two characters; without one, all is before.
func cutAny[T text](s T, c, d byte) (before, after T) {
	for i := range len(s) {
		if s[i] == c || s[i] == d {
			return s[:i], s[i+1:]
		}
	}
	return s, s[len(s):]
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func trim[T text](s T) T {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// fold compares ASCII without case.
func fold[T text](s T, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(t) {
		if s[i] != t[i] && lower(s[i]) != lower(t[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
