package policy

import (
	"encoding/json"
	"encoding/xml"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fleet is a policy with everything in it.
func fleet() *Policy {
	return &Policy{TLS: true, Channels: []string{"security", "Microsoft-Windows-Sysmon/Operational", "System", "Application", "system"},
		Managers: []string{
			"Server=https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC,Refresh=900,IssuerCA=9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67",
			"Server=https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC,Refresh=900,IssuerCA=0123456789ABCDEF0123456789ABCDEF01234567"}}
}

func TestRegistryPolReadsBack(t *testing.T) {
	settings := fleet().Settings()
	if len(settings) != 2+3+3 {
		t.Fatalf("%d settings: %v", len(settings), settings)
	}
	got, err := decodeRegistryPol(EncodeRegistryPol(settings))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, settings) {
		t.Errorf("got  %v\nwant %v", got, settings)
	}
}

// The bytes of MS-GPREG 2.2.1, written out for one value of each kind.
func TestRegistryPolBytes(t *testing.T) {
	got := string(EncodeRegistryPol([]Setting{{"K", "1", "a"}, {"K", "n", uint32(258)}}))
	want := "PReg\x01\x00\x00\x00" +
		"[\x00K\x00\x00\x00;\x001\x00\x00\x00;\x00\x01\x00\x00\x00;\x00\x04\x00\x00\x00;\x00a\x00\x00\x00]\x00" +
		"[\x00K\x00\x00\x00;\x00n\x00\x00\x00;\x00\x04\x00\x00\x00;\x00\x04\x00\x00\x00;\x00\x02\x01\x00\x00]\x00"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOnlyWhatIsRead(t *testing.T) {
	p := fleet()
	p.Channels = []string{"System"}
	if settings := p.Settings(); len(settings) != len(p.Managers) {
		t.Errorf("channels that nobody reads are opened: %v", settings)
	}
	p.Managers = []string{"Server=http://w:5985/x,Refresh=900"}
	if got := p.Settings(); len(got) != 1 || got[0].Name != "1" {
		t.Errorf("%v", got)
	}
}

func TestLGPOText(t *testing.T) {
	text := LGPO([]Setting{{`SOFTWARE\A`, "1", "Server=x"}, {`SOFTWARE\B`, "MaxSize", uint32(7)}})
	want := "Computer\r\nSOFTWARE\\A\r\n1\r\nSZ:Server=x\r\n\r\nComputer\r\nSOFTWARE\\B\r\nMaxSize\r\nDWORD:7\r\n\r\n"
	if text != want {
		t.Errorf("got %q", text)
	}
}

func TestBackupIsWhole(t *testing.T) {
	p := fleet()
	files, err := p.Backup(time.Date(2026, 11, 25, 4, 5, 6, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if strings.HasSuffix(name, ".xml") {
			if err := xml.Unmarshal(content, new(any)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// Each file that Backup.xml names is there, and the manifest names the folder.
	scheme := string(files[backupID+"/Backup.xml"])
	for _, part := range strings.Split(scheme, `bkp:Location="`)[1:] {
		location, _, _ := strings.Cut(part, `"`)
		if files[backupID+"/"+strings.ReplaceAll(location, `\`, "/")] == nil {
			t.Errorf("%s is named and not there", location)
		}
	}
	if manifest := string(files["manifest.xml"]); !strings.Contains(manifest, "<ID><![CDATA["+backupID+"]]></ID>") || !strings.Contains(manifest, "2026-11-25T04:05:06") {
		t.Errorf("manifest: %s", manifest)
	}
	got, err := decodeRegistryPol(files[backupID+"/DomainSysvol/GPO/Machine/registry.pol"])
	if err != nil || !reflect.DeepEqual(got, p.Settings()) {
		t.Errorf("registry.pol of the backup: %v, %v", got, err)
	}
}

func TestIntuneProfile(t *testing.T) {
	text, err := fleet().Intune()
	if err != nil {
		t.Fatal(err)
	}
	var profile struct {
		OMASettings []struct{ OMAURI, Value string } `json:"omaSettings"`
	}
	if err := json.Unmarshal(text, &profile); err != nil {
		t.Fatal(err)
	}
	if len(profile.OMASettings) != 4 {
		t.Fatalf("%d settings", len(profile.OMASettings))
	}
	for _, s := range profile.OMASettings {
		var data struct {
			Value string `xml:"value,attr"`
		}
		_, element, ok := strings.Cut(s.Value, "<enabled/>")
		if err := xml.Unmarshal([]byte(element), &data); !ok || err != nil {
			t.Errorf("%s: %v in %s", s.OMAURI, err, s.Value)
		}
		if strings.HasSuffix(s.OMAURI, "SubscriptionManager") {
			if want := "1\uF000" + fleet().Managers[0] + "\uF0002\uF000" + fleet().Managers[1]; data.Value != want {
				t.Errorf("got  %q\nwant %q", data.Value, want)
			}
		}
	}
}

func TestScriptQuotes(t *testing.T) {
	p := &Policy{Managers: []string{"Server=https://o'brien.example:5986/x,Refresh=9"}, Channels: []string{"System", "Security"}}
	script, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"'Server=https://o''brien.example:5986/x,Refresh=9'", "@{ Name = 'Security'; Size = 1073741824 }", "@{ Name = 'System'; Size = 0 }", "SupportsShouldProcess"} {
		if !strings.Contains(string(script), want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(strings.ReplaceAll(string(script), "\r\n", ""), "\n") {
		t.Error("a line ends without CR")
	}
	for i, b := range script {
		if b > 126 {
			t.Fatalf("byte %d is not ASCII: old PowerShell reads scripts in the machine's code page", i)
		}
	}
}

func TestReadmeSaysWhatIsLeft(t *testing.T) {
	p := fleet()
	page, err := p.Readme()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(p.Managers, "Add-LocalGroupMember", "sc.exe config WinRM", "icacls", "`Application` `System`", "1 GiB", "was applied on a real Windows") {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q", want)
		}
	}
	p = &Policy{Kerberos: true, Managers: []string{"Server=http://w:5985/x,Refresh=900"}}
	if page, _ = p.Readme(); strings.Contains(string(page), "private key") || !strings.Contains(string(page), "3. **The collector's name") {
		t.Errorf("a Kerberos page: %s", page)
	}
}
