package kdctest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kdctest"
)

func TestMIT(t *testing.T) {
	k := kdctest.MIT(t,
		kdctest.Realm{Name: "EXAMPLE.TEST", Principals: []kdctest.Principal{{Name: "WIN10$", Password: "Machine1!"}, {Name: "HTTP/wec.example.test", Etypes: []string{kdctest.Etypes[20]}}}},
		kdctest.Realm{Name: "OTHER.TEST", Principals: []kdctest.Principal{{Name: "WIN11$"}}})
	machine, other := k.Keytab("EXAMPLE.TEST", "WIN10$"), k.Keytab("OTHER.TEST", "WIN11$")
	for principal, keytab := range map[string]string{"WIN10$@EXAMPLE.TEST": machine, "WIN11$@OTHER.TEST": other} {
		cmd := exec.Command("kinit", "-k", "-t", keytab, "-c", t.TempDir()+"/cache", principal)
		cmd.Env = k.Env()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("kinit %s: %v\n%s", principal, err, out)
		}
	}
	cmd := exec.Command("klist", "-e", "-k", k.Keytab("EXAMPLE.TEST", "HTTP/wec.example.test"))
	cmd.Env = k.Env()
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "HTTP/wec.example.test") != 1 || !strings.Contains(string(out), kdctest.Etypes[20]) {
		t.Errorf("keytab of a service with one etype: %v\n%s", err, out)
	}
	if _, err := os.Stat(k.Krb5Conf()); err != nil {
		t.Error(err)
	}
}
