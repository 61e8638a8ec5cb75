package output

import "bytes"

// user sets who acted. Only DOMAIN\name with a single backslash can be told apart.
func (e *ECS) user(value []byte) bool {
	if !e.account(userDomain, userName, value) {
		return false
	}
	switch string(value) { // Security/UserID is the service's that wrote the event
	case `NT AUTHORITY\SYSTEM`:
		e.constant(userID, "S-1-5-18")
	case `NT AUTHORITY\LOCAL SERVICE`:
		e.constant(userID, "S-1-5-19")
	case `NT AUTHORITY\NETWORK SERVICE`:
		e.constant(userID, "S-1-5-20")
	}
	return true
}

func (e *ECS) account(domainMember, nameMember member, value []byte) bool {
	domain, name, ok := bytes.Cut(value, []byte{'\\'})
	if !ok || bytes.IndexByte(name, '\\') >= 0 || len(domain)+len(name) == 0 {
		return false
	}
	e.set(domainMember, domain)
	e.set(nameMember, name)
	e.relatedTo(name)
	return true
}

// relatedTo adds to related.user.
func (e *ECS) relatedTo(name []byte) {
	if len(name) > 0 {
		e.users.addNew(name)
	}
}
