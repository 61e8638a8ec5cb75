package wsman

// EnumeratePath is the conventional URL path of the policy string; a source may use any other.
const EnumeratePath = "/wsman/SubscriptionManager/WEC"

// Namespaces. Prefixes are conventional: match by URI.
const (
	nsSOAP         = "http://www.w3.org/2003/05/soap-envelope"
	nsAddressing   = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsEnumeration  = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
	nsEventing     = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
	nsWSMan        = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
	nsMSWSMan      = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
	nsCIMBinding   = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
	nsMachineID    = "http://schemas.microsoft.com/wbem/wsman/1/machineid"
	nsSubscription = "http://schemas.microsoft.com/wbem/wsman/1/subscription"
	nsPolicy       = "http://schemas.xmlsoap.org/ws/2002/12/policy"
	nsAuth         = "http://schemas.microsoft.com/wbem/wsman/1/authentication"
	nsFault        = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
	nsXSI          = "http://www.w3.org/2001/XMLSchema-instance"
	nsWefka        = "urn:wefka:revision" // our private reference property

	revisionProperty = "Revision" // its local name; the text is the version GUID
)

// Actions.
const (
	actionEnumerate         = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate"
	actionEnumerateResponse = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse"
	actionSubscribe         = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe"
	actionSubscriptionEnd   = "http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscriptionEnd"
	actionHeartbeat         = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Heartbeat"
	actionEvents            = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Events"
	actionEvent             = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"
	actionDroppedEvents     = "http://schemas.dmtf.org/wbem/wsman/1/wsman/DroppedEvents"
	actionAck               = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Ack"
	actionEnd               = "http://schemas.microsoft.com/wbem/wsman/1/wsman/End"
	actionFault             = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
	actionAddressingFault   = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
)

// Resources and other literals.
const (
	resourceSubscriptions = "http://schemas.microsoft.com/wbem/wsman/1/SubscriptionManager/Subscription"
	resourceEventLog      = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog"
	resourceFullDuplex    = "http://schemas.microsoft.com/wbem/wsman/1/wsman/FullDuplex"
	anonymous             = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
	dialectEventQuery     = "http://schemas.microsoft.com/win/2004/08/events/eventquery"
	bookmarkEarliest      = "http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest"
	profileKerberos       = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"
	profileMutualTLS      = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

	contentTypeUTF16 = "application/soap+xml;charset=UTF-16"
	contentTypeUTF8  = "application/soap+xml;charset=UTF-8"
	codingSLDC       = "SLDC"

	// notifyPrefix begins the path of every delivery URL: notifyPrefix + GUID + "/" + version GUID.
	notifyPrefix = "/wsman/subscriptions/"
)
