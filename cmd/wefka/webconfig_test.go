package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Beyond loopback nobody is served without TLS and a proof of who asks.
func TestAdminBeyondLoopback(t *testing.T) {
	const tls = "tls_server_config: {cert_file: server.pem, key_file: server.key"
	const users = "basic_auth_users: {admin: $2y$10$qSnGVNb0Rj0wNmP7qBRVGuS7p9fHXAuTCBrXzKIn8TDHHq9bGXFpO}\n"
	l := newLab(t, "127.0.0.1:1", "lab", sysmonQuery, "json")
	(&site{lab: l, t: t}).change(`admin: {address: "`+l.admin+`"`, `admin: {web_config: web.yaml, address: "0.0.0.0:0"`)
	for _, row := range []struct{ web, want string }{
		{"", "tls_server_config is missing"},
		{users, "tls_server_config is missing"},
		{tls + "}\n", "no authentication"},
		{tls + ", client_auth_type: RequireAnyClientCert, client_ca_file: ca.pem}\n", "no authentication"},
		{tls + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}\n", "no authentication"},
		{tls + ", client_auth_type: RequireAndVerifyClientCert}\n", "no authentication"}, // any CA of the system would do
		{"tls_server_config: {cert_file: absent.pem, key_file: server.key}\n" + users, "absent.pem"},
		{": [\n" + users, "cannot be read as YAML"},
		{tls + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n", ""},
		{tls + "}\n" + users, ""},
	} {
		l.write("web.yaml", row.web)
		c, err := readConfig(l.path("wefka.yaml"), os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		if err := errors.Join(c.Validate()...); err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, row.want) || row.want == "" && said != "" || strings.Contains(said, "qSnGVNb0") {
			t.Errorf("%q: %q, want %q", row.web, said, row.want)
		}
	}
}
