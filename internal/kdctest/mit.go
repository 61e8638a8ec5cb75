package kdctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Realm is what a KDC is to hold of one realm.
type Realm struct {
	Name       string // EXAMPLE.TEST
	Principals []Principal
}

// Principal is an account of a realm. Etypes are MIT's names, such as those in [Etypes].
type Principal struct {
	Name     string        // WIN10$, HTTP/wec.example.test; without the realm
	Password string        // "" = random keys
	Etypes   []string      // of its keys; nil: all five
	Session  []string      // of session keys in tickets for it; nil: as its keys
	Lifetime time.Duration // of tickets for it; 0: a day
}

// Etypes are MIT's names of the encryption types, by number.
var Etypes = map[int32]string{
	17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96",
	19: "aes128-cts-hmac-sha256-128", 20: "aes256-cts-hmac-sha384-192",
	23: "arcfour-hmac",
}

const allEtypes = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 aes128-cts-hmac-sha256-128 arcfour-hmac"

// KDC is a KDC of MIT krb5, for one realm or several. Its methods may be called from one goroutine at a time.
type KDC struct {
	t        testing.TB
	dir      string
	programs map[string]string
	realms   []Realm
	addr     string
	keytabs  int
}

// MIT starts a KDC, waits until it listens, and ends it with the test.
func MIT(t testing.TB, realms ...Realm) *KDC {
	t.Helper()
	found, err := programs("krb5kdc", "kdb5_util", "kadmin.local")
	if err != nil {
		absent(t, "krb5", err)
	}
	const tries = 3 // somebody else may take the port between our looking and the KDC's binding
	for try := 1; ; try++ {
		k := &KDC{t: t, dir: t.TempDir(), programs: found, realms: realms, addr: fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])}
		k.configure()
		args := []string{"-n"}
		for _, r := range realms {
			k.create(r)
			args = append(args, "-r", r.Name)
		}
		err := launch(t, k.command("krb5kdc", args...), "krb5kdc", k.path("kdc.out")).listens(k.addr, 20*time.Second)
		if err == nil {
			return k
		}
		if try == tries {
			t.Fatal(err)
		}
	}
}

// Krb5Conf is the path of a krb5.conf that knows the KDC.
func (k *KDC) Krb5Conf() string { return k.path("krb5.conf") }

// Log is the path of the KDC's log.
func (k *KDC) Log() string { return k.path("kdc.log") }

// Env is what other programs need in their environment.
func (k *KDC) Env() []string {
	return append(os.Environ(), "KRB5_CONFIG="+k.Krb5Conf(), "KRB5_KDC_PROFILE="+k.path("kdc.conf"))
}

// Keytab writes the present keys of principals of one realm into a new file and gives its path.
func (k *KDC) Keytab(realm string, principals ...string) string {
	k.t.Helper()
	path := k.NewKeytab()
	k.AddKeys(path, realm, principals...)
	return path
}

// NewKeytab is the path of a keytab that is yet to be written.
func (k *KDC) NewKeytab() string {
	k.keytabs++
	return k.path(fmt.Sprintf("%d.keytab", k.keytabs))
}

// AddKeys appends the present keys of principals of one realm to a keytab.
func (k *KDC) AddKeys(path, realm string, principals ...string) {
	k.t.Helper()
	var commands []string
	for _, name := range principals {
		commands = append(commands, "ktadd -k "+path+" -norandkey "+name)
	}
	k.Admin(realm, commands...)
}

// Admin has kadmin.local run commands in a realm.
func (k *KDC) Admin(realm string, commands ...string) {
	k.t.Helper()
	cmd := k.command("kadmin.local", "-r", realm)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil || failure.Match(out) { // it says what went wrong and exits 0
		k.t.Fatalf("kadmin.local: %v\n%s", err, out)
	}
}

var failure = regexp.MustCompile(`(?m)^\S+: .* while |Unknown request|Usage:`)

func (k *KDC) path(name string) string { return filepath.Join(k.dir, name) }

func (k *KDC) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(k.programs[name], args...)
	cmd.Dir, cmd.Env = k.dir, k.Env()
	return cmd
}

// configure writes krb5.conf and kdc.conf. Names are never looked up: DNS has no part in this.
func (k *KDC) configure() {
	k.t.Helper()
	var clients, servers strings.Builder
	for _, r := range k.realms {
		fmt.Fprintf(&clients, "  %s = {\n    kdc = %s\n  }\n", r.Name, k.addr)
		fmt.Fprintf(&servers, "  %s = {\n    database_name = %s\n    key_stash_file = %s\n    acl_file = %s\n    max_life = 24h\n", r.Name,
			k.path(r.Name+".principal"), k.path(r.Name+".stash"), k.path("acl"))
		fmt.Fprintf(&servers, "    supported_enctypes = %s\n  }\n", strings.ReplaceAll(allEtypes+" ", " ", ":normal "))
	}
	// Debian's 1.20 refuses RC4 without allow_rc4.
	k.write("krb5.conf", `[libdefaults]
  default_realm = `+k.realms[0].Name+`
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  allow_weak_crypto = true
  allow_rc4 = true
  permitted_enctypes = `+allEtypes+`
[realms]
`+clients.String())
	k.write("kdc.conf", `[kdcdefaults]
  kdc_listen = `+k.addr+`
  kdc_tcp_listen = `+k.addr+`
[realms]
`+servers.String()+`[logging]
  kdc = FILE:`+k.Log()+`
`)
	k.write("acl", "")
}

func (k *KDC) write(name, text string) {
	k.t.Helper()
	if err := os.WriteFile(k.path(name), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// create makes a realm's database with its principals.
func (k *KDC) create(r Realm) {
	k.t.Helper()
	if out, err := k.command("kdb5_util", "create", "-s", "-r", r.Name, "-P", "master").CombinedOutput(); err != nil {
		k.t.Fatalf("kdb5_util: %v\n%s", err, out)
	}
	var commands []string
	for _, p := range r.Principals {
		secret, life := "-randkey", ""
		if p.Password != "" {
			secret = "-pw " + p.Password
		}
		if p.Lifetime > 0 {
			life = fmt.Sprintf(` -maxlife "%d seconds"`, int(p.Lifetime.Seconds()))
		}
		etypes, session := strings.Join(p.Etypes, " "), strings.Join(p.Session, " ")
		if etypes == "" {
			etypes = allEtypes
		}
		if session == "" { // else the KDC gives no SHA-2 session keys
			session = etypes
		}
		commands = append(commands, fmt.Sprintf(`addprinc -e "%s"%s %s %s`, strings.ReplaceAll(etypes, " ", ":normal,")+":normal", life, secret, p.Name),
			fmt.Sprintf(`setstr %s session_enctypes "%s"`, p.Name, session))
	}
	if len(commands) > 0 {
		k.Admin(r.Name, commands...)
	}
}
