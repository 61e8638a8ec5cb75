package output

// member is a field of the ecs document. Their order is that of the document: the outermost objects by name, so that each is
// written once.
type member uint8

const (
	timestamp member = iota
	destinationDomain
	destinationPort
	destinationIP
	dllName
	dllPath
	dllMD5 // four hashes, in the order of digests
	dllSHA1
	dllSHA256
	dllImphash
	dllSubjectName
	dllTrusted
	dllStatus
	dnsQuestion
	dnsAnswers
	dnsResolvedIP
	ecsVersion
	errorCode
	errorMessage
	eventCreated
	eventCode
	eventKind
	eventProvider
	eventCategory
	eventType
	eventAction
	eventOutcome
	eventSequence
	eventUID
	eventIngested
	eventSeverity
	eventOriginal
	filePath
	fileName
	fileDirectory
	fileExtension
	fileMD5 // as dllMD5
	fileSHA1
	fileSHA256
	fileImphash
	fileOriginalName // the members of pe, in the order of processOriginalName
	fileCompany
	fileDescription
	fileVersion
	fileProduct
	fileSubjectName
	fileStatus
	fileValid
	fileTrusted
	groupID // id, domain, name, as in every object that names an account
	groupDomain
	groupName
	hostName
	identityLabel
	logLevel
	renderedMessage
	networkTransport
	networkProtocol
	networkDirection
	networkType
	networkCommunityID
	observerName
	observerProduct
	commandName
	commandType
	commandPath
	commandValue
	commandDetails
	connectedDomain
	connectedName
	engineVersion
	engineNewState
	enginePreviousState
	scriptBlockID
	scriptBlockText
	shellID
	pipelineID
	executableVersion
	providerName
	providerNewState
	runspaceID
	powershellSequence
	powershellTotal
	processMD5 // as dllMD5, but for the place of imphash
	processSHA1
	processSHA256
	processEntityID
	processExecutable
	processCommandLine
	processWorkingDirectory
	parentEntityID
	parentExecutable
	parentCommandLine
	parentPID
	parentName
	parentArgs
	parentArgsCount
	processPID
	processThread
	processOriginalName
	processCompany
	processDescription
	processVersion
	processProduct
	processImphash
	processTitle
	processName
	processArgs
	processArgsCount
	registryPath
	registryHive
	registryKey
	registryValue
	registryStrings
	registryType
	relatedHash
	relatedIP
	relatedHosts
	relatedUser
	ruleName
	serviceName
	sourceDomain
	sourcePort
	sourceIP
	sysmonDNSStatus
	sysmonArchived
	sysmonExecutable
	threatFramework
	threatTechnique
	threatSubtechnique
	userID
	userDomain
	userName
	effectiveID
	effectiveDomain
	effectiveName
	targetID
	targetDomain
	targetName
	targetGroupID
	targetGroupDomain
	targetGroupName
	winlogChannel
	winlogComputer
	winlogEventID
	winlogProvider
	winlogProviderGUID
	winlogRecordID
	winlogTask
	winlogOpcode
	winlogVersion
	winlogKeywords
	winlogPID
	winlogThread
	winlogUser
	winlogActivity
	winlogRelatedActivity
	logonID
	logonType
	logonFailure
	logonStatus
	logonSubStatus
	winlogEventData
	winlogUserData

	members = iota
)

// kind is what a member's value is, always.
type kind uint8

const (
	asText    kind = iota // a string; the value is what it says
	asWord                // the same, of characters that JSON does not escape
	asList                // of strings; the value is JSON, here and below
	asObjects             // list of objects of strings
	asNumber
	asTruth
	asFields // an object of strings, written from the record
)

// schema is every member's place, from @timestamp on.
var schema = [members]struct {
	path string
	kind kind
}{
	timestamp:         {"@timestamp", asWord},
	destinationDomain: {"destination.domain", asText}, destinationPort: {"destination.port", asNumber}, destinationIP: {"destination.ip", asWord},
	dllName: {"dll.name", asText}, dllPath: {"dll.path", asText},
	dllMD5: {"dll.hash.md5", asWord}, dllSHA1: {"dll.hash.sha1", asWord}, dllSHA256: {"dll.hash.sha256", asWord}, dllImphash: {"dll.pe.imphash", asWord},
	dllSubjectName: {"dll.code_signature.subject_name", asText}, dllTrusted: {"dll.code_signature.trusted", asTruth}, dllStatus: {"dll.code_signature.status", asText},
	dnsQuestion: {"dns.question.name", asText}, dnsAnswers: {"dns.answers", asObjects}, dnsResolvedIP: {"dns.resolved_ip", asList},
	ecsVersion: {"ecs.version", asWord},
	errorCode:  {"error.code", asText}, errorMessage: {"error.message", asText},
	eventCreated: {"event.created", asWord}, eventCode: {"event.code", asText}, eventKind: {"event.kind", asWord}, eventProvider: {"event.provider", asText},
	eventCategory: {"event.category", asList}, eventType: {"event.type", asList}, eventAction: {"event.action", asText}, eventOutcome: {"event.outcome", asWord},
	eventSequence: {"event.sequence", asNumber}, eventUID: {"event.id", asWord}, eventIngested: {"event.ingested", asWord}, eventSeverity: {"event.severity", asNumber}, eventOriginal: {"event.original", asText},
	filePath: {"file.path", asText}, fileName: {"file.name", asText}, fileDirectory: {"file.directory", asText}, fileExtension: {"file.extension", asText},
	fileMD5: {"file.hash.md5", asWord}, fileSHA1: {"file.hash.sha1", asWord}, fileSHA256: {"file.hash.sha256", asWord}, fileImphash: {"file.pe.imphash", asWord},
	fileOriginalName: {"file.pe.original_file_name", asText}, fileCompany: {"file.pe.company", asText}, fileDescription: {"file.pe.description", asText},
	fileVersion: {"file.pe.file_version", asText}, fileProduct: {"file.pe.product", asText},
	fileSubjectName: {"file.code_signature.subject_name", asText}, fileStatus: {"file.code_signature.status", asText},
	fileValid: {"file.code_signature.valid", asTruth}, fileTrusted: {"file.code_signature.trusted", asTruth},
	groupID: {"group.id", asText}, groupDomain: {"group.domain", asText}, groupName: {"group.name", asText},
	hostName: {"host.name", asText}, identityLabel: {"labels.identity", asWord}, logLevel: {"log.level", asWord}, renderedMessage: {"message", asText},
	networkTransport: {"network.transport", asText}, networkProtocol: {"network.protocol", asText}, networkDirection: {"network.direction", asWord},
	networkType: {"network.type", asWord}, networkCommunityID: {"network.community_id", asWord},
	observerName: {"observer.name", asText}, observerProduct: {"observer.product", asWord},
	commandName: {"powershell.command.name", asText}, commandType: {"powershell.command.type", asText}, commandPath: {"powershell.command.path", asText},
	commandValue: {"powershell.command.value", asText}, commandDetails: {"powershell.command.invocation_details", asObjects},
	connectedDomain: {"powershell.connected_user.domain", asText}, connectedName: {"powershell.connected_user.name", asText},
	engineVersion: {"powershell.engine.version", asText}, engineNewState: {"powershell.engine.new_state", asText}, enginePreviousState: {"powershell.engine.previous_state", asText},
	scriptBlockID: {"powershell.file.script_block_id", asText}, scriptBlockText: {"powershell.file.script_block_text", asText},
	shellID: {"powershell.id", asText}, pipelineID: {"powershell.pipeline_id", asText}, executableVersion: {"powershell.process.executable_version", asText},
	providerName: {"powershell.provider.name", asText}, providerNewState: {"powershell.provider.new_state", asText}, runspaceID: {"powershell.runspace_id", asText},
	powershellSequence: {"powershell.sequence", asNumber}, powershellTotal: {"powershell.total", asNumber},
	processMD5: {"process.hash.md5", asWord}, processSHA1: {"process.hash.sha1", asWord}, processSHA256: {"process.hash.sha256", asWord},
	processEntityID: {"process.entity_id", asText}, processExecutable: {"process.executable", asText}, processCommandLine: {"process.command_line", asText},
	processWorkingDirectory: {"process.working_directory", asText},
	parentEntityID:          {"process.parent.entity_id", asText}, parentExecutable: {"process.parent.executable", asText}, parentCommandLine: {"process.parent.command_line", asText},
	parentPID: {"process.parent.pid", asNumber}, parentName: {"process.parent.name", asText}, parentArgs: {"process.parent.args", asList}, parentArgsCount: {"process.parent.args_count", asNumber},
	processPID: {"process.pid", asNumber}, processThread: {"process.thread.id", asNumber},
	processOriginalName: {"process.pe.original_file_name", asText}, processCompany: {"process.pe.company", asText}, processDescription: {"process.pe.description", asText},
	processVersion: {"process.pe.file_version", asText}, processProduct: {"process.pe.product", asText}, processImphash: {"process.pe.imphash", asWord},
	processTitle: {"process.title", asText}, processName: {"process.name", asText}, processArgs: {"process.args", asList}, processArgsCount: {"process.args_count", asNumber},
	registryPath: {"registry.path", asText}, registryHive: {"registry.hive", asWord}, registryKey: {"registry.key", asText}, registryValue: {"registry.value", asText},
	registryStrings: {"registry.data.strings", asList}, registryType: {"registry.data.type", asWord},
	relatedHash: {"related.hash", asList}, relatedIP: {"related.ip", asList}, relatedHosts: {"related.hosts", asList}, relatedUser: {"related.user", asList},
	ruleName: {"rule.name", asText}, serviceName: {"service.name", asText},
	sourceDomain: {"source.domain", asText}, sourcePort: {"source.port", asNumber}, sourceIP: {"source.ip", asWord},
	sysmonDNSStatus: {"sysmon.dns.status", asWord}, sysmonArchived: {"sysmon.file.archived", asTruth}, sysmonExecutable: {"sysmon.file.is_executable", asTruth},
	threatFramework: {"threat.framework", asWord}, threatTechnique: {"threat.technique.id", asList}, threatSubtechnique: {"threat.technique.subtechnique.id", asList},
	userID: {"user.id", asText}, userDomain: {"user.domain", asText}, userName: {"user.name", asText},
	effectiveID: {"user.effective.id", asText}, effectiveDomain: {"user.effective.domain", asText}, effectiveName: {"user.effective.name", asText},
	targetID: {"user.target.id", asText}, targetDomain: {"user.target.domain", asText}, targetName: {"user.target.name", asText},
	targetGroupID: {"user.target.group.id", asText}, targetGroupDomain: {"user.target.group.domain", asText}, targetGroupName: {"user.target.group.name", asText},
	winlogChannel: {"winlog.channel", asText}, winlogComputer: {"winlog.computer_name", asText}, winlogEventID: {"winlog.event_id", asText},
	winlogProvider: {"winlog.provider_name", asText}, winlogProviderGUID: {"winlog.provider_guid", asText}, winlogRecordID: {"winlog.record_id", asText},
	winlogTask: {"winlog.task", asText}, winlogOpcode: {"winlog.opcode", asText}, winlogVersion: {"winlog.version", asNumber}, winlogKeywords: {"winlog.keywords", asList},
	winlogPID: {"winlog.process.pid", asNumber}, winlogThread: {"winlog.process.thread.id", asNumber}, winlogUser: {"winlog.user.identifier", asText},
	winlogActivity: {"winlog.activity_id", asText}, winlogRelatedActivity: {"winlog.related_activity_id", asText},
	logonID: {"winlog.logon.id", asText}, logonType: {"winlog.logon.type", asWord}, logonFailure: {"winlog.logon.failure.reason", asWord},
	logonStatus: {"winlog.logon.failure.status", asWord}, logonSubStatus: {"winlog.logon.failure.sub_status", asWord},
	winlogEventData: {"winlog.event_data", asFields}, winlogUserData: {"winlog.user_data", asFields},
}
