package output_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/netip"
	"testing"
)

// communityID is Community ID 1.0 as its specification describes it: SHA-1 over seed, addresses, protocol, a zero and ports, the
// smaller end first.
func communityID(protocol byte, source, destination string, sourcePort, destinationPort uint16) string {
	a, b := netip.MustParseAddr(source), netip.MustParseAddr(destination)
	if b.Less(a) || a == b && destinationPort < sourcePort {
		a, b, sourcePort, destinationPort = b, a, destinationPort, sourcePort
	}
	text := []byte{0, 0}
	text = append(append(text, a.AsSlice()...), b.AsSlice()...)
	text = append(text, protocol, 0, byte(sourcePort>>8), byte(sourcePort), byte(destinationPort>>8), byte(destinationPort))
	sum := sha1.Sum(text)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestECSCommunityID(t *testing.T) {
	for _, c := range []struct {
		transport  string
		protocol   byte
		from, to   string
		port, dest uint16
		published  string // in the specification's baseline, if it is there
	}{
		{"tcp", 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"tcp", 6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"udp", 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{"sctp", 132, "192.168.170.8", "192.168.170.56", 7, 80, ""},
		{"tcp", 6, "2001:db8::2", "2001:db8::1", 1, 2, ""},
		{"udp", 17, "192.0.2.1", "192.0.2.1", 9, 8, ""},
	} {
		want := communityID(c.protocol, c.from, c.to, c.port, c.dest)
		if c.published != "" && c.published != want {
			t.Errorf("the specification has %s, we compute %s", c.published, want)
		}
		expect(t, sysmon(3, "Protocol", c.transport, "SourceIp", c.from, "DestinationIp", c.to, "SourcePort", fmt.Sprint(c.port), "DestinationPort", fmt.Sprint(c.dest)),
			"network.community_id", `"`+want+`"`)
	}
	expect(t, sysmon(3, "Protocol", "tcp", "SourceIp", "192.0.2.1", "DestinationIp", "2001:db8::1", "SourcePort", "1", "DestinationPort", "2"), "network.community_id", "")
}
