package output

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

// flow is the two ends of a connection.
type flow struct {
	source, destination         netip.Addr
	sourcePort, destinationPort uint16
	protocol                    uint8 // IANA's number; 0: unknown
}

// protocolOf is the number of a transport that has ports.
func protocolOf(transport []byte) uint8 {
	switch string(transport) {
	case "tcp":
		return 6
	case "udp":
		return 17
	case "sctp":
		return 132
	}
	return 0
}

// appendCommunityID appends the Community ID 1.0 of a flow, seed 0, the same in both directions.
func (f *flow) appendCommunityID(dst []byte) []byte {
	var a, b [16]byte
	source, destination := octets(f.source, &a), octets(f.destination, &b)
	sourcePort, destinationPort := f.sourcePort, f.destinationPort
	if order := bytes.Compare(source, destination); order > 0 || order == 0 && sourcePort > destinationPort {
		source, destination, sourcePort, destinationPort = destination, source, destinationPort, sourcePort
	}
	var buffer [2 + 16 + 16 + 2 + 2 + 2]byte
	data := append(append(buffer[:2], source...), destination...)
	data = append(data, f.protocol, 0)
	data = binary.BigEndian.AppendUint16(data, sourcePort)
	data = binary.BigEndian.AppendUint16(data, destinationPort)
	sum := sha1.Sum(data)
	return base64.StdEncoding.AppendEncode(append(dst, "1:"...), sum[:])
}

// octets is the address as on the wire, in buffer.
func octets(addr netip.Addr, buffer *[16]byte) []byte {
	if addr.Is4() {
		four := addr.As4()
		return buffer[:copy(buffer[:], four[:])]
	}
	*buffer = addr.As16()
	return buffer[:]
}
