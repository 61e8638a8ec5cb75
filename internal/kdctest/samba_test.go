package kdctest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kdctest"
)

func TestSamba(t *testing.T) {
	d := kdctest.Samba(t)
	d.Computer("WIN10")
	d.User("wec-svc", "Svc-Pass1!", true)
	d.SPN("wec-svc", "HTTP/wec.ad.test")
	if sid := d.Group("wef-sources", "WIN10$"); !strings.HasPrefix(sid, "S-1-5-21-") {
		t.Errorf("SID of the group: %s", sid)
	}
	cache := t.TempDir() + "/cache"
	for _, args := range [][]string{{"kinit", "-k", "-t", d.Keytab("WIN10$"), "-c", cache, "WIN10$"}, {"kvno", "-c", cache, "-k", d.Keytab("wec-svc"), "HTTP/wec.ad.test"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = d.Env()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
