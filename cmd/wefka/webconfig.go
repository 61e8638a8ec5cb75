package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/exporter-toolkit/web"
)

// guarded says what a web-config file lacks for an admin listener that others can reach: TLS, and a proof of who asks.
func guarded(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c struct {
		TLS *struct {
			ClientAuth string `yaml:"client_auth_type"`
			CAFile     string `yaml:"client_ca_file"`
			CA         string `yaml:"client_ca"`
		} `yaml:"tls_server_config"`
		Users map[string]string `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("%s cannot be read as YAML", file) // the parser's text quotes the file, which holds hashes of passwords
	}
	if c.TLS == nil {
		return errors.New("tls_server_config is missing: without TLS others read along")
	}
	certificates := c.TLS.ClientAuth == "RequireAndVerifyClientCert" && c.TLS.CAFile+c.TLS.CA != "" // without a CA the system's would do
	if !certificates && len(c.Users) == 0 {
		return errors.New("no authentication: set client_auth_type: RequireAndVerifyClientCert with client_ca_file, or basic_auth_users")
	}
	return web.Validate(file)
}
