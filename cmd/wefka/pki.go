package main

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/certs"
)

func pkiCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pki",
		Short: "Make the certificates for a collector and its hosts",
		Long: `A small authority in a folder, for those who have none, or none that may serve hosts outside the domain. With AD CS you need
none of this: name its issuing CAs in client_ca and a web server certificate in wefka.yaml.

The usual order:
  wefka pki init                                    ca.pem, ca.key
  wefka pki server --host wec01.corp.example        server.pem, server.key
  wefka pki client --machine pc-1.corp.example      clients/pc-1.corp.example.pem, .key, .pfx
  wefka pki crl --revoke clients/pc-1.corp.example.pem    crl.pem, when a key is lost

Each prints the line for the Windows policy, IssuerCA=THUMBPRINT, on stdout and the files that it wrote on stderr. Keys and PFX files
are readable by their owner only. Move ca.key off the collector: it needs ca.pem (client_ca), server.pem and server.key.`,
	}
	c.AddCommand(pkiInitCommand(), pkiServerCommand(), pkiClientCommand(), pkiCRLCommand())
	return c
}

// pki is a folder with an authority, and where the words go.
type pki struct {
	dir            string
	days           int
	stdout, stderr io.Writer
}

// command has what the four share. lasts is said of --days.
func (k *pki) command(c *cobra.Command, days int, lasts string, run func() error) *cobra.Command {
	c.Args = cobra.NoArgs
	c.Flags().StringVar(&k.dir, "dir", ".", "folder of the authority")
	c.Flags().IntVar(&k.days, "days", days, lasts)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		k.stdout, k.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
		if k.days < 1 {
			return usagef("--days %d: at least 1", k.days)
		}
		return run()
	}
	return c
}

func (k *pki) path(name ...string) string { return filepath.Join(append([]string{k.dir}, name...)...) }

func (k *pki) load() (*certs.Authority, error) {
	a, err := certs.Load(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; make an authority first: wefka pki init --dir %s", err, k.dir)
	}
	return a, err
}

func (k *pki) wrote(files ...string) {
	for _, f := range files {
		fmt.Fprintln(k.stderr, "wrote", f)
	}
}

// thumbprint ends every command: the one value that has to be carried over to Windows.
func (k *pki) thumbprint(a *certs.Authority) error {
	_, err := fmt.Fprintf(k.stdout, "IssuerCA=%s\n", certs.Thumbprint(a.Certificate))
	return err
}

func pkiInitCommand() *cobra.Command {
	k, name := &pki{}, ""
	c := k.command(&cobra.Command{
		Use:   "init",
		Short: "Make an authority: ca.pem and ca.key",
		Long: `Makes an authority (ECDSA P-256, self-signed, issues to hosts and servers only) and prints its thumbprint. An authority that is
already in the folder is never overwritten.

Next, on Windows, by Group Policy or by hand on each host:
  Trusted root:  certutil -addstore -f Root ca.pem
  Policy:        Configure target Subscription Manager, value
                 Server=https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC,Refresh=900,IssuerCA=THUMBPRINT
                 (wefka check prints the whole string; paste nothing but hex digits behind IssuerCA=)
Then: wefka pki server, wefka pki client.`,
		Example: `  wefka pki init --name "Corp event forwarding CA"
  wefka pki init --dir /etc/wefka --days 1825`,
	}, certs.AuthorityDays, "lifetime of the authority; a new one means a new policy on every host", func() error {
		if name == "" {
			host, err := os.Hostname()
			if err != nil {
				return fmt.Errorf("name the authority with --name: %w", err)
			}
			name = "wefka on " + host
		}
		a, err := certs.New(name, k.days)
		if err != nil {
			return err
		}
		if err := a.Save(k.dir); err != nil {
			return err
		}
		k.wrote(k.path("ca.pem"), k.path("ca.key"))
		return k.thumbprint(a)
	})
	c.Flags().StringVar(&name, "name", "", `what Windows shows as issuer (default "wefka on" and the host name)`)
	return c
}

func pkiServerCommand() *cobra.Command {
	k, hosts := &pki{}, []string{}
	c := k.command(&cobra.Command{
		Use:   "server",
		Short: "Issue the collector's certificate: server.pem and server.key",
		Long: `Issues a certificate for server authentication to every name under which hosts reach the collector, that of a load balancer
included. Hosts refuse the connection when the name in Server= of their policy is not among them. There is no revocation address in it,
so nothing else must be reachable. Run it again before the certificate ends: a running collector takes the new files without dropping
connections.

Next: give server.key to the user that the collector runs as; name server.pem, server.key and ca.pem (as client_ca) in wefka.yaml; then
wefka check.`,
		Example: `  wefka pki server --host wec01.corp.example
  wefka pki server --host wec.corp.example --host wec01.corp.example --host 192.0.2.7`,
	}, certs.ServerDays, "lifetime; never beyond the authority's", func() error {
		if len(hosts) == 0 {
			return usagef("--host is missing: the name that stands in Server= of the policy")
		}
		a, err := k.load()
		if err != nil {
			return err
		}
		p, err := a.IssueServer(hosts, k.days)
		if err != nil {
			return err
		}
		cert, key := k.path("server.pem"), k.path("server.key")
		if err := p.Save(cert, key); err != nil {
			return err
		}
		k.wrote(cert, key)
		return k.thumbprint(a)
	})
	c.Flags().StringArrayVar(&hosts, "host", nil, "DNS name or IP address of the collector; repeat for more, the first is the subject")
	return c
}

func pkiClientCommand() *cobra.Command {
	k, machines, passwordFile, legacy := &pki{}, []string{}, "", false
	c := k.command(&cobra.Command{
		Use:   "client",
		Short: "Issue certificates for Windows hosts: clients/NAME.pem, .key and .pfx",
		Long: `Issues a certificate for client authentication to each machine, by its fully qualified name; that name is its identity at the
collector. The PFX holds certificate, key and authority, for import on Windows, which wants a password: the first line of
--pfx-password-file, or else a random one, the same for all machines of this run, which is printed once on stderr and kept nowhere.

Next, on each host, as administrator:
  Import:       certutil -f -p PASSWORD -importpfx My NAME.pfx NoExport
  Private key:  certlm.msc, Personal, Certificates, NAME, All Tasks, Manage Private Keys: NETWORK SERVICE may read
  Authority:    certutil -addstore -f Root ca.pem      (unless a policy does it)
  Policy:       Server=https://COLLECTOR:5986/wsman/SubscriptionManager/WEC,Refresh=900,IssuerCA=THUMBPRINT
  Restart:      Restart-Service WinRM
Hosts older than Windows 10 1709 and Server 2019 cannot read the PFX without --pfx-legacy, whose encryption is weak. Delete PFX and key
files once they are imported.`,
		Example: `  wefka pki client --machine pc-1.corp.example
  wefka pki client --machine pc-1.corp.example --machine pc-2.corp.example --pfx-password-file pfx.password
  wefka pki client --machine old2012.corp.example --pfx-legacy`,
	}, certs.ClientDays, "lifetime; never beyond the authority's", func() error {
		if len(machines) == 0 {
			return usagef("--machine is missing: the host's fully qualified name, such as pc-1.corp.example")
		}
		return k.clients(machines, passwordFile, legacy)
	})
	c.Flags().StringArrayVar(&machines, "machine", nil, "fully qualified name of a host; repeat for more")
	c.Flags().StringVar(&passwordFile, "pfx-password-file", "", "file whose first line is the PFX password (default: a random one, printed once)")
	c.Flags().BoolVar(&legacy, "pfx-legacy", false, "3DES and SHA-1, for hosts older than Windows 10 1709 and Server 2019")
	return c
}

// clients issues for all before it writes the first file, so that a misspelt name leaves nothing half done.
func (k *pki) clients(machines []string, passwordFile string, legacy bool) error {
	a, err := k.load()
	if err != nil {
		return err
	}
	password, err := pfxPassword(passwordFile)
	if err != nil {
		return err
	}
	var pairs []*certs.Pair
	for _, m := range machines {
		p, err := a.IssueClient(m, k.days)
		if err != nil {
			return err
		}
		pairs = append(pairs, p)
	}
	if err := os.MkdirAll(k.path("clients"), 0o700); err != nil {
		return err
	}
	if passwordFile == "" {
		fmt.Fprintf(k.stderr, "PFX password, not shown again: %s\n", password)
	}
	for _, p := range pairs {
		pfx, err := p.PFX(password, legacy, a.Certificate)
		if err != nil {
			return err
		}
		base := k.path("clients", p.Certificate.DNSNames[0])
		if err := p.Save(base+".pem", base+".key"); err != nil {
			return err
		}
		if err := certs.WriteFile(base+".pfx", pfx, 0o600); err != nil {
			return err
		}
		k.wrote(base+".pem", base+".key", base+".pfx")
	}
	return k.thumbprint(a)
}

func pfxPassword(file string) (string, error) {
	if file == "" {
		return rand.Text(), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read PFX password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%s: its first line is empty, and Windows imports no PFX without a password", file)
	}
	return line, nil
}

func pkiCRLCommand() *cobra.Command {
	k, revoke := &pki{}, []string{}
	c := k.command(&cobra.Command{
		Use:   "crl",
		Short: "Revoke certificates: crl.pem",
		Long: `Writes the list of revoked certificates. What crl.pem already revokes stays revoked. Without --revoke it only makes the list valid for
--days more: with crl_required a list that ended keeps everybody outside, so renew it in time.

Next: name crl.pem under crl in wefka.yaml. A running collector takes a new list at once, for new connections and resumed sessions;
connections that are open stay open.`,
		Example: `  wefka pki crl --revoke clients/pc-1.corp.example.pem
  wefka pki crl --days 90`,
	}, certs.CRLDays, "how long the list is valid", func() error {
		a, err := k.load()
		if err != nil {
			return err
		}
		file := k.path("crl.pem")
		previous, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the earlier CRL: %w", err)
		}
		var gone []*x509.Certificate
		for _, f := range revoke {
			chain, err := certs.LoadCertificates(f)
			if err != nil {
				return err
			}
			gone = append(gone, chain[0])
		}
		list, err := a.Revoke(previous, gone, k.days)
		if err != nil {
			return err
		}
		if err := certs.WriteFile(file, list, 0o644); err != nil {
			return err
		}
		k.wrote(file)
		return k.thumbprint(a)
	})
	c.Flags().StringArrayVar(&revoke, "revoke", nil, "certificate file; its first certificate is revoked; repeat for more")
	return c
}
