package output

import (
	"cmp"
	"slices"
)

// securityEvent is what ecs says of all events of one id of the Security log.
type securityEvent struct {
	id              uint32
	category, types string // lists
	action          string
	subject, target member // whose ids they are: the id of user, user.target, user.effective or group; 0: nobody's
}

// securityEvents are in the order of their ids. Those up to lastOfEventlog are the log service's own.
var securityEvents = [...]securityEvent{
	{1100, `["process"]`, `["end"]`, "logging-service-shutdown", 0, 0},
	{1102, `["iam"]`, `["admin","change"]`, "audit-log-cleared", userID, 0},
	{1104, `["iam"]`, `["admin"]`, "logging-full", 0, 0},
	{1105, `["iam"]`, `["admin"]`, "auditlog-archived", 0, 0},
	{1108, `["iam"]`, `["admin"]`, "logging-processing-error", 0, 0},
	{4616, `["configuration"]`, `["change"]`, "system-time-changed", userID, 0},
	{4624, `["authentication"]`, `["start"]`, "logged-in", 0, userID},
	{4625, `["authentication"]`, `["start"]`, "logon-failed", 0, userID},
	{4634, `["authentication"]`, `["end"]`, "logged-out", 0, userID},
	{4647, `["authentication"]`, `["end"]`, "logged-out", 0, userID},
	{4648, `["authentication"]`, `["start"]`, "logged-in-explicit", userID, effectiveID},
	{4672, `["iam"]`, `["admin"]`, "logged-in-special", userID, 0},
	{4673, `["iam"]`, `["admin"]`, "privileged-service-called", userID, 0},
	{4674, `["iam"]`, `["admin"]`, "privileged-operation", userID, 0},
	{4688, `["process"]`, `["start"]`, "created-process", userID, effectiveID},
	{4689, `["process"]`, `["end"]`, "exited-process", userID, 0},
	{4697, `["iam","configuration"]`, `["admin","change"]`, "service-installed", userID, 0},
	{4698, `["iam","configuration"]`, `["creation","admin"]`, "scheduled-task-created", userID, 0},
	{4699, `["iam","configuration"]`, `["deletion","admin"]`, "scheduled-task-deleted", userID, 0},
	{4700, `["iam","configuration"]`, `["change","admin"]`, "scheduled-task-enabled", userID, 0},
	{4701, `["iam","configuration"]`, `["change","admin"]`, "scheduled-task-disabled", userID, 0},
	{4702, `["iam","configuration"]`, `["change","admin"]`, "scheduled-task-updated", userID, 0},
	{4719, `["iam","configuration"]`, `["admin","change"]`, "changed-audit-config", userID, 0},
	{4720, `["iam"]`, `["user","creation"]`, "added-user-account", userID, targetID},
	{4721, `["iam"]`, `["user","change"]`, "changed-user-account-type", userID, targetID},
	{4722, `["iam"]`, `["user","change"]`, "enabled-user-account", userID, targetID},
	{4723, `["iam"]`, `["user","change"]`, "changed-password", userID, targetID},
	{4724, `["iam"]`, `["user","change"]`, "reset-password", userID, targetID},
	{4725, `["iam"]`, `["user","deletion"]`, "disabled-user-account", userID, targetID},
	{4726, `["iam"]`, `["user","deletion"]`, "deleted-user-account", userID, targetID},
	{4727, `["iam"]`, `["group","creation"]`, "added-group-account", userID, groupID},
	{4728, `["iam"]`, `["group","change"]`, "added-member-to-group", userID, groupID},
	{4729, `["iam"]`, `["group","change"]`, "removed-member-from-group", userID, groupID},
	{4730, `["iam"]`, `["group","deletion"]`, "deleted-group-account", userID, groupID},
	{4731, `["iam"]`, `["group","creation"]`, "added-group-account", userID, groupID},
	{4732, `["iam"]`, `["group","change"]`, "added-member-to-group", userID, groupID},
	{4733, `["iam"]`, `["group","change"]`, "removed-member-from-group", userID, groupID},
	{4734, `["iam"]`, `["group","deletion"]`, "deleted-group-account", userID, groupID},
	{4735, `["iam"]`, `["group","change"]`, "modified-group-account", userID, groupID},
	{4737, `["iam"]`, `["group","change"]`, "modified-group-account", userID, groupID},
	{4738, `["iam"]`, `["user","change"]`, "modified-user-account", userID, targetID},
	{4740, `["iam"]`, `["user","change"]`, "locked-out-user-account", userID, targetID},
	{4741, `["iam"]`, `["creation","admin"]`, "added-computer-account", userID, targetID},
	{4742, `["iam"]`, `["change","admin"]`, "changed-computer-account", userID, targetID},
	{4743, `["iam"]`, `["deletion","admin"]`, "deleted-computer-account", userID, targetID},
	{4744, `["iam"]`, `["group","creation"]`, "added-distribution-group-account", userID, groupID},
	{4745, `["iam"]`, `["group","change"]`, "changed-distribution-group-account", userID, groupID},
	{4746, `["iam"]`, `["group","change"]`, "added-member-to-distribution-group", userID, groupID},
	{4747, `["iam"]`, `["group","change"]`, "removed-member-from-distribution-group", userID, groupID},
	{4748, `["iam"]`, `["group","deletion"]`, "deleted-distribution-group-account", userID, groupID},
	{4749, `["iam"]`, `["group","creation"]`, "added-distribution-group-account", userID, groupID},
	{4750, `["iam"]`, `["group","change"]`, "changed-distribution-group-account", userID, groupID},
	{4751, `["iam"]`, `["group","change"]`, "added-member-to-distribution-group", userID, groupID},
	{4752, `["iam"]`, `["group","change"]`, "removed-member-from-distribution-group", userID, groupID},
	{4753, `["iam"]`, `["group","deletion"]`, "deleted-distribution-group-account", userID, groupID},
	{4754, `["iam"]`, `["group","creation"]`, "added-group-account", userID, groupID},
	{4755, `["iam"]`, `["group","change"]`, "modified-group-account", userID, groupID},
	{4756, `["iam"]`, `["group","change"]`, "added-member-to-group", userID, groupID},
	{4757, `["iam"]`, `["group","change"]`, "removed-member-from-group", userID, groupID},
	{4758, `["iam"]`, `["group","deletion"]`, "deleted-group-account", userID, groupID},
	{4759, `["iam"]`, `["group","creation"]`, "added-distribution-group-account", userID, groupID},
	{4760, `["iam"]`, `["group","change"]`, "changed-distribution-group-account", userID, groupID},
	{4761, `["iam"]`, `["group","change"]`, "added-member-to-distribution-group", userID, groupID},
	{4762, `["iam"]`, `["group","change"]`, "removed-member-from-distribution-group", userID, groupID},
	{4763, `["iam"]`, `["group","deletion"]`, "deleted-distribution-group-account", userID, groupID},
	{4764, `["iam"]`, `["group","change"]`, "type-changed-group-account", userID, groupID},
	{4767, `["iam"]`, `["user","change"]`, "unlocked-user-account", userID, targetID},
	{4768, `["authentication"]`, `["start"]`, "kerberos-authentication-ticket-requested", 0, userID},
	{4769, `["authentication"]`, `["start"]`, "kerberos-service-ticket-requested", 0, userID},
	{4770, `["authentication"]`, `["start"]`, "kerberos-service-ticket-renewed", 0, userID},
	{4771, `["authentication"]`, `["start"]`, "kerberos-preauth-failed", 0, userID},
	{4776, `["authentication"]`, `["start"]`, "credential-validated", 0, userID},
	{4778, `["authentication","session"]`, `["start"]`, "session-reconnected", userID, 0},
	{4779, `["authentication","session"]`, `["end"]`, "session-disconnected", userID, 0},
	{4781, `["iam"]`, `["user","change"]`, "renamed-user-account", userID, targetID},
	{4798, `["iam"]`, `["user","info"]`, "group-membership-enumerated", userID, targetID},
	{4799, `["iam"]`, `["group","info"]`, "user-member-enumerated", userID, groupID},
}

const lastOfEventlog = 1999

// Actions for Security's fields.
const (
	securitySubject = iota + ownAction // a part of who acted: to is its place in user
	securityTarget                     // of whom it was done to
	securityMember                     // of who went into a group or out of it
	securityLogon                      // number of the session of whoever to says, 0 is the subject
	securityType                       // of a logon
	securityFailure                    // why there was none
	securityStatus                     // the same in numbers
	securityProcess                    // number of the process, in 4688 of the parent
)

var securityTable = tableOf(
	dataField{"SubjectUserSid", securitySubject, userID},
	dataField{"SubjectUserName", securitySubject, userName},
	dataField{"SubjectDomainName", securitySubject, userDomain},
	dataField{"AccountName", securitySubject, userName}, // of a session
	dataField{"AccountDomain", securitySubject, userDomain},
	dataField{"OldTargetUserName", securityTarget, userName},
	dataField{"TargetUserSid", securityTarget, userID},
	dataField{"TargetSid", securityTarget, userID},
	dataField{"TargetUserName", securityTarget, userName},
	dataField{"TargetDomainName", securityTarget, userDomain},
	dataField{"MemberSid", securityMember, targetID},
	dataField{"MemberName", securityMember, targetName},
	dataField{"SubjectLogonId", securityLogon, 0},
	dataField{"TargetLogonId", securityLogon, userID},
	dataField{"LogonID", securityLogon, 0},
	dataField{"LogonType", securityType, logonType},
	dataField{"FailureReason", securityFailure, logonFailure},
	dataField{"Status", securityStatus, logonStatus},
	dataField{"SubStatus", securityStatus, logonSubStatus},
	dataField{"NewProcessId", moveHex, processPID},
	dataField{"NewProcessName", moveProgram, processExecutable},
	dataField{"ProcessId", securityProcess, processPID},
	dataField{"ProcessName", moveProgram, processExecutable},
	dataField{"CallerProcessId", moveHex, processPID},
	dataField{"CallerProcessName", moveProgram, processExecutable},
	dataField{"ParentProcessName", moveProgram, parentExecutable},
	dataField{"CommandLine", moveLine, processCommandLine},
	dataField{"IpAddress", moveAddress, sourceIP},
	dataField{"IpPort", movePort, sourcePort},
	dataField{"ClientAddress", moveAddress, sourceIP},
	dataField{"ClientName", copied, sourceDomain},
	dataField{"WorkstationName", copied, sourceDomain},
	dataField{"Workstation", copied, sourceDomain},
	dataField{"ServiceName", copied, serviceName},
)

func (e *ECS) beginSecurity() {
	id := e.record.ID
	i, found := slices.BinarySearchFunc(securityEvents[:], id, func(s securityEvent, id uint32) int { return cmp.Compare(s.id, id) })
	if found && (id <= lastOfEventlog) == (string(e.record.Provider) == "Microsoft-Windows-Eventlog") {
		e.source, e.table, e.security = ofSecurity, securityTable, &securityEvents[i]
	}
}

func (e *ECS) takeSecurity(f *dataField, value []byte) bool {
	s := e.security
	switch f.how {
	case securitySubject:
		e.part(s.subject, f.to, value)
	case securityTarget:
		e.part(s.target, f.to, value)
	case securityMember:
		if s.target == groupID {
			e.groupMember(f.to, value)
		}
	case securityLogon:
		if (f.to == userID) == (s.target == userID) {
			e.set(logonID, value)
		}
	case securityType:
		if n, ok := decimal(value); ok && n < uint64(len(logonTypes)) {
			e.constant(logonType, logonTypes[n])
		}
	case securityFailure:
		e.constant(logonFailure, failureReason(value))
	case securityStatus:
		e.constant(f.to, failureStatus(s.id, value))
	case securityProcess:
		to := processPID
		if s.id == 4688 {
			to = parentPID
		}
		return e.hexadecimal(to, value)
	}
	return false
}

// part sets one of the id, domain and name of an account.
func (e *ECS) part(account, part member, value []byte) {
	if account == 0 || string(value) == nobody {
		return
	}
	if part == userName && account == userID && e.security.id >= 4768 && e.security.id <= 4771 {
		value = beforeAt(value) // Kerberos writes name@REALM
	}
	e.set(account+part-userID, value)
}

// nobody is the null SID.
const nobody = "S-1-0-0"

func (e *ECS) finishSecurity() {
	s := e.security
	e.constant(eventCategory, s.category)
	e.constant(eventType, s.types)
	e.constant(eventAction, s.action)
	if s.target == groupID && (e.is(targetID) || e.is(targetName)) {
		for _, part := range [...]member{0, 1, 2} {
			e.set(targetGroupID+part, e.get(groupID+part))
		}
	}
	for _, name := range [...]member{userName, effectiveName, targetName} {
		e.relatedTo(e.get(name))
	}
	if ip := e.get(sourceIP); ip != nil {
		e.addresses.addNew(ip)
	}
}
