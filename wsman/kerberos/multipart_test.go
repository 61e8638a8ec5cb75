package kerberos_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// example is a whole request, to the byte: the first vector of testdata/wrap.txt in the form that captured requests of Windows have
// (Content-Length is 238, the digits of Length, the security header and the data).
const example = "" +
	"2d2d456e6372797074656420426f756e646172790d0a436f6e74656e742d547970653a206170706c69636174696f6e2f485454502d4b65726265726f732d7365" +
	"7373696f6e2d656e637279707465640d0a4f726967696e616c436f6e74656e743a20747970653d6170706c69636174696f6e2f736f61702b786d6c3b63686172" +
	"7365743d5554462d31363b4c656e6774683d31300d0a2d2d456e6372797074656420426f756e646172790d0a436f6e74656e742d547970653a206170706c6963" +
	"6174696f6e2f6f637465742d73747265616d0d0a3c000000050406ff0000001c0000000000000001f28f835b42f6d8ca4c0932a06d17be1c79b2ee8ee3cc53d5" +
	"cff4db436eb423060d1cf7120591a44def5b99fdfe95935a988e2093f62f2d2d456e6372797074656420426f756e646172792d2d0d0a"

func TestExample(t *testing.T) {
	body := unhex(t, example)
	if len(body) != 310 {
		t.Fatal(len(body))
	}
	source, collector := pair(t, key(18, 32), func(p *kerberos.Params) { p.Receive = 1 })
	const confounder = "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
	const message = "\xff\xfe<\x00a\x00/\x00>\x00"
	var got []byte
	var err error
	fixed(confounder, func() { _, got, err = source.Seal(soap16, []byte(message)) })
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("sealed as\n%q, %v, want\n%q", got, err, body)
	}
	if got, err := collector.Open(kerberosType, body); err != nil || string(got) != message {
		t.Errorf("opened as %x, %v", got, err)
	}
}

// TestMultipart is one true token in all sorts of framings. $ stands for the boundary, % for protocol word, @ for length and token.
func TestMultipart(t *testing.T) {
	const (
		head   = `multipart/encrypted;protocol="%";boundary="Encrypted Boundary"`
		first  = "--$\r\nContent-Type: %\r\nOriginalContent: type=application/soap+xml;charset=UTF-16;Length=7\r\n"
		second = "--$\r\nContent-Type: application/octet-stream\r\n"
		end    = "--$--\r\n"
		good   = first + second + "@" + end
	)
	for _, v := range []struct{ name, head, body, refusal string }{
		{"Windows", head, good, ""},
		{"no last line break", head, first + second + "@--$--", ""},
		{"tabs, as MS-WSMV and pywinrm", head, strings.ReplaceAll(strings.ReplaceAll(good, "Content-T", "\tContent-T"), "Orig", "\tOrig"), ""},
		{"headers in the other order", head, "--$\r\nOriginalContent: type=a/b;Length=7\r\nContent-Type: %\r\n" + second + "@" + end, ""},
		{"any case", strings.ToUpper(head), strings.ToUpper(first + second + "@" + end), ""},
		{"any blanks", `multipart/encrypted ; protocol = "%" ;  boundary = "Encrypted Boundary"  `,
			"--$ \r\n \tContent-Type \t:  %  \r\nOriginalContent:type = a/b ; charset = UTF-16 ; Length = 7 \r\n--$\t\r\n Content-Type:application/octet-stream;x=y\r\n@" + end, ""},
		{"other headers and an empty line", head, "--$\r\nX-Y: z\r\nno header\r\n" + strings.TrimPrefix(first, "--$\r\n") + "\r\n" + second + "@" + end, ""},
		{"bare values, other order", `multipart/encrypted;x;boundary=B;protocol=%`, strings.ReplaceAll(good, "$", "B"), ""},
		{"a boundary that says little", `multipart/encrypted;boundary=-;protocol=%`, strings.ReplaceAll(good, "$", "-"), ""},
		{"line feeds only", head, strings.ReplaceAll(first+second, "\r", "") + "@" + end, ""},

		{"plain text", "application/soap+xml;charset=UTF-16", good, "body of type"},
		{"no type", "", good, "body of type"},
		{"CredSSP's", strings.Replace(head, "multipart/encrypted", "multipart/x-multi-encrypted", 1), good, "body of type"},
		{"no protocol", `multipart/encrypted;boundary="Encrypted Boundary"`, good, "protocol"},
		{"the other scheme outside", strings.Replace(head, "%", "application/HTTP-SPNEGO-session-encrypted", 1), good, "protocol"},
		{"the other scheme inside", head, strings.Replace(good, "%", "application/HTTP-SPNEGO-session-encrypted", 1), "first part of type"},
		{"no boundary", `multipart/encrypted;protocol="%"`, good, "boundary of 0"},
		{"a long boundary", `multipart/encrypted;protocol="%";boundary=` + strings.Repeat("b", 71), strings.ReplaceAll(good, "$", strings.Repeat("b", 71)), "boundary of 71"},
		{"another boundary", `multipart/encrypted;protocol="%";boundary=B`, good, "begin with"},
		{"empty body", head, "", "begin with"},
		{"line break in front", head, "\r\n" + good, "begin with"},
		{"one line", head, "--$", "begin with"},
		{"no second part", head, first, "no end"},
		{"no second boundary", head, first + "Content-Type: application/octet-stream\r\n@" + end, "first part of type"},
		{"no headers", head, "--$\r\n" + second + "@" + end, "lacks"},
		{"no OriginalContent", head, "--$\r\nContent-Type: %\r\n" + second + "@" + end, "lacks"},
		{"no Content-Type", head, "--$\r\nOriginalContent: type=a/b;Length=7\r\n" + second + "@" + end, "lacks"},
		{"no Length", head, strings.Replace(good, ";Length=7", "", 1), "OriginalContent"},
		{"a negative Length", head, strings.Replace(good, "=7", "=-7", 1), "OriginalContent"},
		{"a huge Length", head, strings.Replace(good, "=7", "=99999999999999999999", 1), "OriginalContent"},
		{"an empty Length", head, strings.Replace(good, "=7", "=", 1), "OriginalContent"},
		{"another Length", head, strings.Replace(good, "=7", "=8", 1), "said to be 8"},
		{"AES with padding", head, strings.Replace(good, "=7", "=6", 1), "said to be 6"},
		{"no type of the second part", head, first + "--$\r\n@" + end, "second part begins"},
		{"another type of the second part", head, strings.Replace(good, "octet-stream", "octets", 1), "second part begins"},
		{"an empty line after the headers", head, first + second + "\r\n@" + end, "security header"},
		{"no closing boundary", head, first + second + "@", "end with"},
		{"a closing boundary without its end", head, first + second + "@--$\r\n", "end with"},
		{"something behind", head, good + "x", "end with"},
		{"two line breaks behind", head, good + "\r\n", "end with"},
		{"a line break before the closing boundary", head, first + second + "@\r\n" + end, "MAC"},
		{"no token", head, first + second + end, "second part of 0"},
		{"three bytes", head, first + second + "abc" + end, "second part of 3"},
		{"a short security header", head, first + second + "\x0f\x00\x00\x00" + strings.Repeat("x", 60) + end, "security header of 15"},
		{"a long one", head, first + second + "\x01\x04\x00\x00" + strings.Repeat("x", 2000) + end, "security header of 1025"},
		{"a huge one", head, first + second + "\xff\xff\xff\xff" + strings.Repeat("x", 2000) + end, "security header of 4294967295"},
		{"one beyond the part", head, first + second + "\x3d\x00\x00\x00" + strings.Repeat("x", 60) + end, "security header of 61"},
	} {
		for _, s := range []struct {
			scheme wsman.Method
			word   string
		}{{wsman.Kerberos, "application/HTTP-Kerberos-session-encrypted"}, {wsman.Negotiate, "application/HTTP-SPNEGO-session-encrypted"}} {
			if s.scheme == wsman.Negotiate && strings.HasPrefix(v.name, "the other scheme") {
				continue
			}
			source, collector := pair(t, key(18, 32), func(p *kerberos.Params) { p.Scheme = s.scheme })
			_, sealed, err := source.Seal(soap16, []byte("message"))
			if err != nil {
				t.Fatal(err)
			}
			_, header, data := tokenOf(t, sealed)
			block := "\x3c\x00\x00\x00" + string(header) + string(data)
			body := strings.NewReplacer("$", "Encrypted Boundary", "%", s.word, "@", block).Replace(v.body)
			if v.name == "any case" {
				body = strings.ReplaceAll(body, "Encrypted Boundary", "ENCRYPTED BOUNDARY")
			}
			got, err := collector.Open(strings.Replace(v.head, "%", s.word, 1), []byte(body))
			switch {
			case v.refusal == "" && (err != nil || string(got) != "message"):
				t.Errorf("%s: %q, %v", v.name, got, err)
			case v.refusal != "" && (!errors.Is(err, kerberos.ErrSeal) || !strings.Contains(err.Error(), v.refusal)):
				t.Errorf("%s: %v, want %s", v.name, err, v.refusal)
			}
		}
	}
}

// TestBoundaryInside: tokens hold any bytes, even a whole boundary. Here it is the sequence number.
func TestBoundaryInside(t *testing.T) {
	for _, inside := range []string{"--B--\r\n-", "\n--B\r\n--", "\r\n--B--\r"} {
		for _, s := range shapes {
			number := binary.BigEndian.Uint64([]byte(inside))
			source, collector := pair(t, key(s.etype, s.key), func(p *kerberos.Params) { p.Receive = number })
			_, body, err := source.Seal(soap16, []byte("message"))
			if err != nil || !bytes.Contains(body, []byte(inside)) {
				t.Fatalf("%q, %v", body, err)
			}
			body = bytes.ReplaceAll(body, []byte("Encrypted Boundary"), []byte("B"))
			kind := strings.Replace(kerberosType, `"Encrypted Boundary"`, "B", 1)
			if got, err := collector.Open(kind, body); err != nil || string(got) != "message" || !bytes.Contains(body, got) {
				// The message lies in the body though there is no room for the fast way.
				t.Errorf("etype %d, %q: %q, %v", s.etype, inside, got, err)
			}
		}
	}
}
