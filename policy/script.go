package policy

import (
	"bytes"
	"strings"
	"text/template"
)

// channel is one event log that the script opens to the forwarder; Size in bytes, 0 leaves it alone.
type channel struct {
	Name string
	Size int
}

// Script gives the PowerShell script for hosts without a policy: it knows -WhatIf, and -Undo puts back what it found. ASCII, CRLF.
func (p *Policy) Script() ([]byte, error) {
	var channels []channel
	if p.reads(securityLog) {
		channels = append(channels, channel{securityLog, logSize})
	}
	if p.reads(sysmonLog) {
		channels = append(channels, channel{sysmonLog, logSize})
	}
	for _, name := range p.others() {
		channels = append(channels, channel{Name: name})
	}
	return render("wefka.ps1", struct {
		Managers    []string
		Channels    []channel
		ManagersKey string
	}{p.Managers, channels, managersKey})
}

// Readme gives the page for the administrator, Markdown, LF.
func (p *Policy) Readme() ([]byte, error) {
	page, err := render("README.md", struct {
		*Policy
		Security, Sysmon                        bool
		SecurityAccess, SysmonAccess, SysmonLog string
		SizeGB, SizeBytes                       int
		Others                                  []string
	}{p, p.reads(securityLog), p.reads(sysmonLog), securityAccess, sysmonAccess, sysmonLog, logSize >> 30, logSize, p.others()})
	return bytes.ReplaceAll(page, []byte("\r\n"), []byte("\n")), err
}

// quote gives a PowerShell text in single quotes, in which nothing is expanded.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func render(name string, facts any) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"quote": quote}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, facts); err != nil {
		return nil, err
	}
	return []byte(crlf(b.String())), nil
}
