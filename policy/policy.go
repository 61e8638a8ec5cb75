package policy

import (
	"slices"
	"strconv"
	"strings"
)

// Policy is what hosts must be told.
type Policy struct {
	// Managers are the strings of "Configure target Subscription Manager", one collector each:
	// "Server=…,Refresh=…[,IssuerCA=…]". A host uses all of them at once.
	Managers []string
	// TLS says that hosts prove themselves with certificates. Kerberos may be used beside it.
	TLS, Kerberos bool
	// Channels are the event logs that enabled subscriptions read, in any spelling.
	Channels []string
}

const (
	securityLog = "Security"
	sysmonLog   = "Microsoft-Windows-Sysmon/Operational"

	logSize = 1 << 30 // bytes: some days of a busy host, for the time in which nobody collects
)

// The descriptors are Windows' defaults with two entries more: Event Log Readers (S-1-5-32-573) and NETWORK SERVICE (NS), which the
// forwarder runs as, may read.
const (
	securityAccess = "O:BAG:SYD:(A;;0xf0005;;;SY)(A;;0x5;;;BA)(A;;0x1;;;S-1-5-32-573)(A;;0x1;;;NS)"
	sysmonAccess   = "O:BAG:SYD:(A;;0xf0007;;;SY)(A;;0x7;;;BA)(A;;0x1;;;S-1-5-32-573)(A;;0x1;;;NS)"
)

// reads says whether an enabled subscription reads a channel.
func (p *Policy) reads(channel string) bool {
	return slices.ContainsFunc(p.Channels, func(c string) bool { return strings.EqualFold(c, channel) })
}

// others are the channels, sorted, that are neither Security nor Sysmon's.
func (p *Policy) others() []string {
	var rest []string
	for _, c := range p.Channels {
		if !strings.EqualFold(c, securityLog) && !strings.EqualFold(c, sysmonLog) {
			rest = append(rest, c)
		}
	}
	slices.SortFunc(rest, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(rest, strings.EqualFold)
}

// Settings are the registry values of the computer, in the order in which they are written.
func (p *Policy) Settings() []Setting {
	var all []Setting
	for i, m := range p.Managers {
		all = append(all, Setting{managersKey, strconv.Itoa(i + 1), m})
	}
	if p.reads(securityLog) {
		all = append(all,
			Setting{securityKey, "ChannelAccess", securityAccess},
			Setting{securityKey, "MaxSize", uint32(logSize >> 10)}, // in KiB here
			Setting{securityLegacyKey, "CustomSD", securityAccess}) // for programs that use the interface of before Vista
	}
	if p.reads(sysmonLog) {
		all = append(all,
			Setting{sysmonKey, "Enabled", uint32(1)},
			Setting{sysmonKey, "ChannelAccess", sysmonAccess},
			Setting{sysmonKey, "MaxSize", uint32(logSize)}) // in bytes here
	}
	return all
}
