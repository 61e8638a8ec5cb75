package kdctest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ADRealm is the realm of the Active Directory that Samba makes.
const ADRealm = "AD.TEST"

// Directory is a Samba domain controller of ADRealm. Its methods may be called from one goroutine at a time.
type Directory struct {
	t        testing.TB
	dir      string
	programs map[string]string
	kdc      string
	keytabs  int
}

// Samba provisions an Active Directory, starts its KDC, and ends it with the test. It needs root and some twenty seconds.
func Samba(t testing.TB) *Directory {
	t.Helper()
	found, err := programs("samba", "samba-tool", "ldbmodify", "ldbsearch")
	if err == nil && os.Geteuid() != 0 {
		err = errors.New("a domain controller needs root")
	}
	if err == nil {
		_, err = os.Stat("/usr/share/samba/setup/ad-schema") // Debian has it in a package of its own, samba-ad-provision
	}
	if err != nil {
		absent(t, "samba", err)
	}
	// Sockets of Samba live below this folder, and their paths may be no longer than 108 bytes.
	dir, err := os.MkdirTemp("", "ad-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ports := freePorts(t, 2)
	d := &Directory{t: t, dir: dir, programs: found, kdc: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	d.run("samba-tool", "domain", "provision", "--realm="+ADRealm, "--domain=ADTEST", "--server-role=dc", "--dns-backend=NONE", "--adminpass=Admin-Pass1!",
		"--host-name=dc1", "--host-ip=127.0.0.1", "--targetdir="+dir, "--option=interfaces=lo", "--option=bind interfaces only=yes",
		fmt.Sprintf("--option=krb5 port=%d", ports[0]), fmt.Sprintf("--option=kpasswd port=%d", ports[1]),
		"--option=server services=kdc", // only that is needed; with rpc and dcerpc in the list it did not start
		"--option=posix:eadb="+d.path("eadb.tdb"))
	cmd := exec.Command(found["samba"], "-s", d.config(), "-i", "-M", "single", "--debug-stdout")
	if err := launch(t, cmd, "samba", d.path("samba.log")).listens(d.kdc, time.Minute); err != nil {
		t.Fatal(err)
	}
	conf := "[libdefaults]\n  default_realm = " + ADRealm + "\n  dns_lookup_kdc = false\n  dns_canonicalize_hostname = false\n  rdns = false\n" +
		"  udp_preference_limit = 1\n  allow_weak_crypto = true\n  allow_rc4 = true\n[realms]\n  " + ADRealm + " = {\n    kdc = " + d.kdc + "\n  }\n"
	if err := os.WriteFile(d.Krb5Conf(), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// Krb5Conf is the path of a krb5.conf that knows the domain controller.
func (d *Directory) Krb5Conf() string { return d.path("krb5.conf") }

// Env is what other programs need in their environment.
func (d *Directory) Env() []string { return append(os.Environ(), "KRB5_CONFIG="+d.Krb5Conf()) }

// Computer makes a computer account, NAME$, with a random password.
func (d *Directory) Computer(name string) {
	d.t.Helper()
	d.tool("computer", "create", name)
	d.Password(name+"$", "Machine-1-"+name+"!") // one that both sides know: computer create keeps its own to itself
}

// User makes a user account, as services have it. Without aes it is as a fresh account is: the domain gives RC4 tickets for it.
func (d *Directory) User(name, password string, aes bool) {
	d.t.Helper()
	d.tool("user", "create", name, password)
	if aes {
		d.modify("dn: CN=" + name + ",CN=Users,DC=ad,DC=test\nchangetype: modify\nreplace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n")
	}
}

// SPN says that an account serves under a name.
func (d *Directory) SPN(account string, names ...string) {
	d.t.Helper()
	for _, name := range names {
		d.tool("spn", "add", name, account)
	}
}

// Password changes an account's password, which gives it new keys with the next kvno.
func (d *Directory) Password(account, password string) {
	d.t.Helper()
	d.tool("user", "setpassword", account, "--newpassword="+password)
}

// Group makes a group with members and gives its SID.
func (d *Directory) Group(name string, members ...string) string {
	d.t.Helper()
	d.tool("group", "add", name)
	if len(members) > 0 {
		d.tool("group", "addmembers", name, strings.Join(members, ","))
	}
	out := d.run("ldbsearch", "-H", d.path("private/sam.ldb"), "(sAMAccountName="+name+")", "objectSid")
	sid := regexp.MustCompile(`(?m)^objectSid: (S-[0-9-]+)$`).FindSubmatch(out)
	if sid == nil {
		d.t.Fatalf("no SID of %s in\n%s", name, out)
	}
	return string(sid[1])
}

// Keytab writes the present keys of accounts into a new file and gives its path.
func (d *Directory) Keytab(accounts ...string) string {
	d.t.Helper()
	path := d.NewKeytab()
	d.AddKeys(path, accounts...)
	return path
}

// NewKeytab is the path of a keytab that is yet to be written.
func (d *Directory) NewKeytab() string {
	d.keytabs++
	return d.path(fmt.Sprintf("%d.keytab", d.keytabs))
}

// AddKeys appends the present keys of accounts to a keytab.
func (d *Directory) AddKeys(path string, accounts ...string) {
	d.t.Helper()
	for _, account := range accounts {
		d.tool("domain", "exportkeytab", "--principal="+account, path)
	}
}

func (d *Directory) path(name string) string { return filepath.Join(d.dir, name) }

func (d *Directory) config() string { return d.path("etc/smb.conf") }

// tool runs samba-tool on the directory.
func (d *Directory) tool(args ...string) {
	d.t.Helper()
	d.run("samba-tool", append(args, "-s", d.config())...)
}

// modify has ldbmodify make a change that samba-tool has no command for.
func (d *Directory) modify(ldif string) {
	d.t.Helper()
	cmd := exec.Command(d.programs["ldbmodify"], "-H", d.path("private/sam.ldb"))
	cmd.Stdin = strings.NewReader(ldif)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("ldbmodify: %v\n%s", err, out)
	}
}

func (d *Directory) run(name string, args ...string) []byte {
	d.t.Helper()
	out, err := exec.Command(d.programs[name], args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, args[0], err, out)
	}
	return out
}
