package output

import "bytes"

// logonTypes are the names of LogonType.
var logonTypes = [...]string{
	0: "System", 2: "Interactive", 3: "Network", 4: "Batch", 5: "Service", 7: "Unlock", 8: "NetworkCleartext", 9: "NewCredentials",
	10: "RemoteInteractive", 11: "CachedInteractive", 12: "CachedRemoteInteractive", 13: "CachedUnlock",
}

const firstFailureReason = 2304

// failureReasons are what the parameter messages from %%2304 on say.
var failureReasons = [...]string{
	"An error occurred during logon",
	"The account has expired",
	"The NetLogon component is not active",
	"The account is locked out",
	"The account may not log on in this way at this machine",
	"The password has expired",
	"The account is disabled",
	"The account may not log on at this time",
	"The account may not log on to this computer",
	"Unknown user name or bad password",
}

func failureReason(value []byte) string {
	code, ok := bytes.CutPrefix(value, []byte("%%"))
	n, isNumber := decimal(code)
	if ok && isNumber && n >= firstFailureReason && n-firstFailureReason < uint64(len(failureReasons)) {
		return failureReasons[n-firstFailureReason]
	}
	return ""
}

func beforeAt(name []byte) []byte {
	if i := bytes.IndexByte(name, '@'); i > 0 {
		return name[:i]
	}
	return name
}

// groupMember sets who went into a group or out of it. A name is a distinguished one: CN=ana,OU=people,DC=lab,DC=example.
func (e *ECS) groupMember(part member, value []byte) {
	if part != targetName {
		e.set(part, value)
		return
	}
	first, rest, _ := bytes.Cut(value, []byte{','})
	name, ok := bytes.CutPrefix(first, []byte("CN="))
	if !ok {
		e.set(targetName, value)
		return
	}
	e.set(targetName, name)
	if i := bytes.Index(rest, []byte("DC=")); i >= 0 {
		domain, _, _ := bytes.Cut(rest[i+len("DC="):], []byte{','})
		e.set(targetDomain, domain)
	}
}
