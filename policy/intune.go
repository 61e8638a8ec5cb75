package policy

import (
	"encoding/json"
	"html"
	"strconv"
)

// omaSetting is one setting of a custom profile (Graph: omaSettingString).
type omaSetting struct {
	Kind        string `json:"@odata.type"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	OMAURI      string `json:"omaUri"`
	Value       string `json:"value"`
}

const policyCSP = "./Device/Vendor/MSFT/Policy/Config/"

// Intune gives a custom device configuration profile (Graph: windows10CustomConfiguration) for POST to
// deviceManagement/deviceConfigurations. Each value is the payload of an ADMX-backed policy: <enabled/> and a data element for each
// box of its template. Sysmon's channel has no such policy; the script does it.
func (p *Policy) Intune() ([]byte, error) {
	pairs := ""
	for i, m := range p.Managers {
		if i > 0 {
			pairs += listSeparator
		}
		pairs += strconv.Itoa(i+1) + listSeparator + html.EscapeString(m)
	}
	settings := []omaSetting{oma("Configure target Subscription Manager", "The collectors that the host delivers to",
		"ADMX_EventForwarding/SubscriptionManager", "SubscriptionManager_Listbox", pairs)}
	if p.reads(securityLog) {
		access := html.EscapeString(securityAccess)
		settings = append(settings,
			oma("Security: configure log access", "NETWORK SERVICE, which the forwarder runs as, may read", "ADMX_EventLog/Channel_Log_FileLogAccess_2", "Channel_Log_FileLogAccess", access),
			oma("Security: configure log access (legacy)", "The same for the older interface", "ADMX_EventLog/Channel_Log_FileLogAccess_6", "Channel_Log_FileLogAccess", access),
			oma("Security: maximum log size", "In KiB", "EventLogService/SpecifyMaximumFileSizeSecurityLog", "Channel_LogMaxSize", strconv.Itoa(logSize>>10)))
	}
	return json.MarshalIndent(struct {
		Kind        string       `json:"@odata.type"`
		DisplayName string       `json:"displayName"`
		Description string       `json:"description"`
		Settings    []omaSetting `json:"omaSettings"`
	}{"#microsoft.graph.windows10CustomConfiguration", "wefka: event forwarding", "Written by wefka gpo generate", settings}, "", "  ")
}

// listSeparator stands between the names and values of a list box (U+F000, written as a character reference).
const listSeparator = "&#xF000;"

func oma(name, description, path, box, value string) omaSetting {
	return omaSetting{"#microsoft.graph.omaSettingString", name, description, policyCSP + path, `<enabled/><data id="` + box + `" value="` + value + `"/>`}
}
