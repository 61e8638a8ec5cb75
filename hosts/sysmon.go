package hosts

import "time"

const (
	sysmonChannel = "Microsoft-Windows-Sysmon/Operational"
	sysmonSilence = time.Hour // a Windows that runs starts processes more often than that
)

// sysmonHosts counts hosts that were heard within sysmonSilence and once sent events of Sysmon. A host on which Sysmon fell silent while it
// goes on reporting is what an intruder leaves; one that is off is neither.
func (b *Book) sysmonHosts() (reporting, silent int) {
	oldest := at(b.now().Add(-sysmonSilence))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.hosts {
		switch {
		case h.sysmonAt == 0 || h.seen < oldest:
		case h.sysmonAt < oldest:
			silent++
		default:
			reporting++
		}
	}
	return reporting, silent
}
