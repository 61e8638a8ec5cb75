package policy

// Setting is one registry value under HKEY_LOCAL_MACHINE.
type Setting struct {
	Key   string // from below HKEY_LOCAL_MACHINE, separated by backslashes; a slash is part of a name
	Name  string
	Value any // string (REG_SZ) or uint32 (REG_DWORD)
}

const (
	managersKey       = `SOFTWARE\Policies\Microsoft\Windows\EventLog\EventForwarding\SubscriptionManager`
	securityKey       = `SOFTWARE\Policies\Microsoft\Windows\EventLog\Security`
	securityLegacyKey = `SYSTEM\CurrentControlSet\Services\EventLog\Security`
	// sysmonKey is the channel's own place: no policy template knows channels that a program brought along. What is written here
	// stays when the policy goes.
	sysmonKey = `SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\Microsoft-Windows-Sysmon/Operational`
)

// Kinds of values in a registry (winnt.h).
const (
	regSZ    = 1
	regDWORD = 4
)
