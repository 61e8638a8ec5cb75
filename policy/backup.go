package policy

import (
	"bytes"
	"embed"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// The folder's names; they only need to differ from those of other backups in the same folder.
const (
	backupID = "{6B1E4C0A-52F3-4C8B-9D0E-2A7C1D5F8E31}"
	gpoID    = "{0F7D9A52-6C1B-4E0A-8B57-93D4C2E1A6F8}"
)

// Backup gives the files of a GPO backup, by their paths (slashes) in a folder: what the console's "Import Settings…" and
// Import-GPO take. It holds the registry values and a security template that starts WinRM with the machine; it names no domain and
// carries no permissions. written is when it was made.
func (p *Policy) Backup(written time.Time) (map[string][]byte, error) {
	facts := struct{ BackupID, GPOID, Name, Time string }{backupID, gpoID, "wefka: event forwarding", written.UTC().Format("2006-01-02T15:04:05")}
	files := map[string][]byte{}
	for path, name := range map[string]string{"manifest.xml": "manifest.xml", backupID + "/bkupInfo.xml": "bkupInfo.xml", backupID + "/Backup.xml": "Backup.xml"} {
		t, err := template.ParseFS(templates, "templates/"+name)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, facts); err != nil {
			return nil, err
		}
		files[path] = []byte(crlf(b.String()))
	}
	machine := backupID + "/DomainSysvol/GPO/Machine/"
	files[machine+"registry.pol"] = EncodeRegistryPol(p.Settings())
	files[machine+"microsoft/windows nt/SecEdit/GptTmpl.inf"] = appendUTF16([]byte{0xFF, 0xFE}, crlf(securityTemplate))
	return files, nil
}

// securityTemplate starts WinRM automatically (2) and leaves its permissions alone.
var securityTemplate = strings.TrimLeft(`
[Unicode]
Unicode=yes
[Version]
signature="$CHICAGO$"
Revision=1
[Service General Setting]
"WinRM",2,""
`, "\n")
