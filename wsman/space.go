package wsman

// space is a namespace that we know, found once a declaration.
type space uint8

const (
	unknownSpace space = iota
	noSpace
	soapSpace
	addressingSpace
	eventingSpace
	wsmanSpace
	msWSManSpace
	machineSpace
	wefkaSpace
)

func spaceOf(uri []byte) space {
	switch string(uri) {
	case "":
		return noSpace
	case nsSOAP:
		return soapSpace
	case nsAddressing:
		return addressingSpace
	case nsEventing:
		return eventingSpace
	case nsWSMan:
		return wsmanSpace
	case nsMSWSMan:
		return msWSManSpace
	case nsMachineID:
		return machineSpace
	case nsWefka:
		return wefkaSpace
	}
	return unknownSpace
}
