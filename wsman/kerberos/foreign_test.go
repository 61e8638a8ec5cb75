package kerberos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kdctest"
	"github.com/wefka/wefka/wsman/kerberos"
)

// foreignOrder and foreignReport are what testdata/foreign.py reads and writes.
type foreignOrder struct {
	Address  string   `json:"address"`
	Path     string   `json:"path"`
	Service  string   `json:"service"`
	Scheme   string   `json:"scheme"`
	Coding   string   `json:"coding"`
	Messages []string `json:"messages"`
}

type foreignReport struct {
	Proof    int             `json:"proof"` // status
	Body     int             `json:"body"`  // bytes of that answer
	Complete bool            `json:"complete"`
	Error    string          `json:"error"`
	Answers  []foreignAnswer `json:"answers"`
}

type foreignAnswer struct {
	Status        int    `json:"status"`
	Exact         bool   `json:"exact"` // laid out to the byte as Windows does
	Length        int    `json:"length"`
	Header        int    `json:"header"`
	Data          int    `json:"data"`
	Token         string `json:"token"` // its first 8 bytes, hex
	ContentLength int    `json:"content_length"`
	Text          string `json:"text"`
}

// foreign runs the client of python3-gssapi.
func foreign(t *testing.T, python string, env []string, keytab string, order foreignOrder) foreignReport {
	t.Helper()
	in, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/foreign.py")
	cmd.Env = append(env, "KRB5_CLIENT_KTNAME="+keytab, "KRB5CCNAME=MEMORY:foreign")
	cmd.Stdin = bytes.NewReader(in)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("foreign.py: %v\n%s", err, said.String())
	}
	var report foreignReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("foreign.py wrote %q: %v", out.String(), err)
	}
	return report
}

const foreignMessageID = "uuid:5B1C9D04-7E2A-4F63-8A15-D0C9B47E3F21"

// foreignMessage is a message of a source, by hand.
func foreignMessage(action, body string) string {
	return `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ` +
		`xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>` +
		`<a:To>http://wec.example.test:5985` + siteNotify + `</a:To><a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/` + action + `</a:Action>` +
		`<a:MessageID>` + foreignMessageID + `</a:MessageID><w:OperationTimeout>PT60.000S</w:OperationTimeout><e:Identifier>` + siteID + `</e:Identifier>` +
		`<w:AckRequested/></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

var foreignMessages = []string{
	foreignMessage("Heartbeat", `<w:Events></w:Events>`),
	foreignMessage("Events", `<w:Events><w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[<Event>Grüße 💾</Event>]]></w:Event></w:Events>`),
}

// TestForeign: MIT's library on the other side, and the bytes that it is answered with.
func TestForeign(t *testing.T) {
	python := kdctest.Python(t)
	k, hosts, services := startMIT(t)
	s := openSite(t, &kerberos.Acceptor{Keytab: services, RC4: true})
	header := map[int32]int{17: 60, 18: 60, 19: 64, 20: 72, 23: 0}
	rotation := map[int32]int{17: 28, 18: 28, 19: 32, 20: 40}
	for _, etype := range kdcEtypes {
		for _, scheme := range []string{"Kerberos", "Negotiate"} {
			for _, coding := range []string{"", "SLDC"} {
				t.Run(fmt.Sprintf("etype %d %s %s", etype, scheme, coding), func(t *testing.T) {
					s.forget(true)
					label := []string{"auth=" + strings.ToLower(scheme), "etype=" + etypeLabels[etype]}
					contexts := s.total("kerberos_contexts_total", label...)
					report := foreign(t, python, k.Env(), hosts, foreignOrder{Address: s.addr, Path: siteNotify, Service: serviceOf(etype) + "@" + kdcRealm, Scheme: scheme, Coding: coding, Messages: foreignMessages})
					if report.Proof != 200 || !report.Complete || report.Body != 0 || len(report.Answers) != 2 {
						t.Fatalf("%+v", report)
					}
					if got := s.total("kerberos_contexts_total", label...) - contexts; got != 1 {
						t.Errorf("%v contexts", got)
					}
					for _, a := range report.Answers {
						if a.Status != 200 || !strings.Contains(a.Text, "/wsman/Ack</a:Action>") || !strings.Contains(a.Text, foreignMessageID) {
							t.Errorf("not Acked: %+v", a)
						}
						if etype == 23 {
							// The frame counts the data too (RFC 4757 7.3), in two or three bytes of length.
							if a.Header < 45 || a.Header > 48 || !strings.HasPrefix(a.Token, "60") || !a.Exact || a.Data != a.Length {
								t.Errorf("rc4: %+v", a)
							}
							continue
						}
						// Flags 07, filler FF, EC 0, RRC as WinRM has it (RFC 4121 4.2.6.2).
						token := fmt.Sprintf("050407ff0000%04x", rotation[etype])
						word := map[string]int{"Kerberos": 238, "Negotiate": 236}[scheme]
						if !a.Exact || a.Header != header[etype] || a.Token != token || a.Data != a.Length || a.Length != 2+2*len(utf16Units(a.Text)) ||
							a.ContentLength != word+len(fmt.Sprint(a.Length))+a.Header+a.Data {
							t.Errorf("layout: %+v; want header %d, token %s", a, header[etype], token)
						}
					}
					if s.events["PC-1$@"+kdcRealm] != 1 || s.texts[0] != "<Event>Grüße 💾</Event>" {
						t.Errorf("delivered: %v %q", s.events, s.texts)
					}
					a := report.Answers[1]
					t.Logf("Acked; answers: header length %d, token begins %s, Length %d, Content-Length %d", a.Header, a.Token, a.Length, a.ContentLength)
				})
			}
		}
	}
}

func utf16Units(s string) (units []struct{}) {
	for _, r := range s {
		units = append(units, struct{}{})
		if r > 0xffff {
			units = append(units, struct{}{})
		}
	}
	return units
}

// TestForeignRefused: MIT's client understands why.
func TestForeignRefused(t *testing.T) {
	python := kdctest.Python(t)
	k, hosts, services := startMIT(t)
	order := foreignOrder{Path: siteNotify, Service: serviceOf(18) + "@" + kdcRealm, Scheme: "Kerberos"}
	late := &kerberos.Acceptor{Keytab: services}
	late.Clock(func() time.Time { return time.Now().Add(6 * time.Minute) })
	order.Address = openSite(t, late).addr
	if report := foreign(t, python, k.Env(), hosts, order); report.Proof != 401 || report.Complete || !strings.Contains(report.Error, "Clock skew too great") {
		t.Errorf("six minutes apart: %+v", report)
	}
	wrong := openSite(t, &kerberos.Acceptor{Keytab: k.Keytab(kdcRealm, serviceOf(17))})
	order.Address = wrong.addr
	if report := foreign(t, python, k.Env(), hosts, order); report.Proof != 401 || report.Complete || report.Error != "" {
		t.Errorf("another key: %+v", report)
	}
	if err := wrong.said("reason=no_key", "sname="+serviceOf(18)); err != nil {
		t.Error(err)
	}
}
