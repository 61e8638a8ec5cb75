package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman/kerberos"
)

func (d *doctor) listeners() {
	for i := range d.config.Listeners {
		l := &d.config.Listeners[i]
		name := ""
		if l.TLS != nil {
			name = d.tls(l)
		} else {
			name = d.kerberos(l)
		}
		d.address(l)
		if name != "" {
			d.name(l, name)
		}
	}
}

// soon is when a certificate should be renewed by.
const soon = 30 * 24 * time.Hour

// tls gives the name that hosts use, "" if that cannot be known.
func (d *doctor) tls(l *ListenerConfig) string {
	keeper := l.TLS.keeper(d.config)
	if err := keeper.Load(); err != nil {
		d.failure("TLS-001", fmt.Errorf("listener %s: %w", l.Name, err), "give wefka the files that belong together; wefka pki makes a set")
		return ""
	}
	d.ok("TLS-001", fmt.Sprintf("listener %s: certificate, key and client CAs are usable", l.Name))
	for _, w := range keeper.Warnings() {
		d.warn("TLS-001", fmt.Sprintf("listener %s: %s", l.Name, w.Text), w.Remedy)
	}
	host, _ := l.reachedAs(certifiedName(keeper.Chain()[0]))
	fatal := false
	for _, p := range certs.Explain(keeper.Chain(), host, d.now) {
		if p.Fatal {
			fatal = true
			d.fail("TLS-002", p.Text, p.Remedy)
		} else {
			d.warn("TLS-002", p.Text, p.Remedy)
		}
	}
	if !fatal {
		d.ok("TLS-002", fmt.Sprintf("listener %s: nothing keeps Windows from accepting it for %s, if it has the root", l.Name, host))
	}
	for _, f := range keeper.Facts() {
		left := f.NotAfter.Sub(d.now)
		fact := fmt.Sprintf("%s certificate %s is valid until %s, %d days", f.Role, f.Name, f.NotAfter.UTC().Format(time.DateOnly), int(left/(24*time.Hour)))
		switch {
		case left < 0:
			d.fail("TLS-003", fact, "have it issued again; the running server takes it without a restart")
		case left < soon:
			d.warn("TLS-003", fact, "renew it; the running server takes it without a restart")
		default:
			d.ok("TLS-003", fact)
		}
		if f.Role == "ca" {
			d.ok("TLS-004", fmt.Sprintf("hosts whose certificate comes from %s need IssuerCA=%s", f.Name, f.Thumbprint))
		}
	}
	d.private("TLS-005", d.config.path(l.TLS.Key))
	return host
}

// kerberos gives the name that hosts use, "" if that cannot be known.
func (d *doctor) kerberos(l *ListenerConfig) string {
	acceptor := l.Kerberos.acceptor(d.config, l.Name)
	if err := acceptor.Load(); err != nil {
		d.failure("KRB-001", fmt.Errorf("listener %s: %w", l.Name, err), "write it anew: ktpass on Windows, ktutil or net ads keytab elsewhere")
		return ""
	}
	for _, f := range acceptor.Facts() {
		d.ok("KRB-001", fmt.Sprintf("keytab has %s, kvno %d, %s", f.Principal, f.KVNO, f.Etype))
	}
	host, _ := l.reachedAs(servedName(acceptor, d.config.Node))
	d.services(acceptor, host)
	d.ciphers(acceptor)
	d.private("KRB-004", d.config.path(l.Kerberos.Keytab))
	d.clock()
	return host
}

// services looks for the two that Windows asks for: HTTP/, and from Server 2025 on HOST/.
func (d *doctor) services(acceptor *kerberos.Acceptor, host string) {
	found := map[string]bool{}
	for _, f := range acceptor.Facts() {
		service, _, _ := strings.Cut(f.Principal, "@")
		found[strings.ToLower(service)] = true
	}
	for _, service := range []string{"HTTP", "HOST"} {
		spn := service + "/" + host
		if found[strings.ToLower(spn)] {
			d.ok("KRB-002", "the keytab has "+spn)
		} else {
			d.warn("KRB-002", "the keytab does not have "+spn+"; any of its keys opens a ticket, but that service must belong to the same account",
				"setspn -Q "+spn+"; if nobody has it: setspn -S "+spn+" ACCOUNT")
		}
	}
}

func (d *doctor) ciphers(acceptor *kerberos.Acceptor) {
	for _, f := range acceptor.Facts() {
		if strings.HasPrefix(f.Etype, "aes") {
			d.ok("KRB-003", "the keytab has AES keys")
			return
		}
	}
	d.fail("KRB-003", "the keytab has no AES key", "let the account use AES (msDS-SupportedEncryptionTypes 24), set its password again, and write a new keytab with -crypto AES256-SHA1")
}

// private says who beside its owner and group may read a file with a key.
func (d *doctor) private(id, file string) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		d.fail(id, err.Error(), "give it to the user that wefka runs as")
	case info.Mode().Perm()&0o007 != 0:
		d.warn(id, fmt.Sprintf("%s is %s: everybody on this machine can take the key", file, info.Mode().Perm()), "chmod o= "+file)
	default:
		d.ok(id, fmt.Sprintf("%s is %s", file, info.Mode().Perm()))
	}
}

// clock asks the kernel whether something disciplines it (adjtimex(2): STA_UNSYNC).
func (d *doctor) clock() {
	const unsynchronized = 0x40
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		return
	}
	if t.Status&unsynchronized != 0 {
		d.warn("KRB-005", "nothing disciplines this machine's clock", "run chrony or systemd-timesyncd, with the domain's time; wefka_source_clock_skew_seconds shows the difference to hosts")
		return
	}
	d.ok("KRB-005", "the clock is disciplined")
}

func (d *doctor) address(l *ListenerConfig) {
	socket, err := net.Listen("tcp", l.Address)
	switch {
	case err == nil:
		socket.Close()
		if d.running {
			d.warn("NET-001", fmt.Sprintf("listener %s: nobody listens on %s, although a server runs", l.Name, l.Address), "it runs with another configuration; restart it")
			return
		}
		d.ok("NET-001", fmt.Sprintf("listener %s: %s is free", l.Name, l.Address))
	case errors.Is(err, syscall.EADDRINUSE) && d.running:
		d.ok("NET-001", fmt.Sprintf("listener %s: the running server has %s", l.Name, l.Address))
	case errors.Is(err, syscall.EADDRINUSE):
		d.fail("NET-001", fmt.Sprintf("listener %s: another program has %s", l.Name, l.Address), "find it: ss -ltnp")
	case errors.Is(err, fs.ErrPermission):
		d.fail("NET-001", fmt.Sprintf("listener %s: %v", l.Name, err), "use a port above 1023: 5985 and 5986 are Windows' own")
	default:
		d.fail("NET-001", fmt.Sprintf("listener %s: %v", l.Name, err), "use an address of this machine, or :PORT")
	}
}

// name follows the name that hosts use to this machine and back.
func (d *doctor) name(l *ListenerConfig, host string) {
	if net.ParseIP(host) != nil {
		d.warn("NET-002", fmt.Sprintf("listener %s: hosts would use the address %s", l.Name, host), "use a name: Windows asks for tickets and certificates by name")
		return
	}
	addresses, err := net.DefaultResolver.LookupHost(d.ctx, host)
	if err != nil {
		d.fail("NET-002", fmt.Sprintf("listener %s: hosts would not find %s: %v", l.Name, host, err), "add it to DNS, or set advertise")
		return
	}
	d.ok("NET-002", fmt.Sprintf("listener %s: %s is %s", l.Name, host, strings.Join(addresses, ", ")))
	if own := d.own(addresses); own != "" {
		d.ok("NET-003", own+" is this machine's")
	} else {
		d.warn("NET-003", fmt.Sprintf("%s is no address of this machine", strings.Join(addresses, ", ")), "right if it is a balancer's; else mend DNS")
	}
	for _, a := range addresses {
		names, err := net.DefaultResolver.LookupAddr(d.ctx, a)
		if err != nil || !containsName(names, host) {
			d.warn("NET-004", fmt.Sprintf("%s does not lead back to %s", a, host), "add a PTR record; Windows does without, people who read logs do not")
			continue
		}
		d.ok("NET-004", a+" is "+host)
	}
}

// own is the first of the addresses that this machine has, "" if none.
func (d *doctor) own(addresses []string) string {
	mine, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		ip := net.ParseIP(a)
		for _, m := range mine {
			if n, ok := m.(*net.IPNet); ok && n.IP.Equal(ip) {
				return a
			}
		}
	}
	return ""
}

func containsName(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(strings.TrimSuffix(n, "."), name) {
			return true
		}
	}
	return false
}
