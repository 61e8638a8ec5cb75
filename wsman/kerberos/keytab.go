package kerberos

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Fact is one key of the keytab, without the key.
type Fact struct {
	Principal string // NAME@REALM
	KVNO      int
	Etype     string // its usual name, such as aes256-cts-hmac-sha1-96
}

// serviceKey is an entry of the keytab.
type serviceKey struct {
	name, realm string
	kvno        uint32
	key         types.EncryptionKey
}

func (k *serviceKey) principal() string { return k.name + "@" + k.realm }

// keyring is what was read of a keytab. It never changes.
type keyring struct {
	keys     []serviceKey // of the allowed etypes
	realms   []string
	facts    []Fact
	warnings []error
}

// Load reads the keytab whole and then swaps; on error the old one stays. Established contexts live on. Log gets the warnings.
func (a *Acceptor) Load() error {
	a.init()
	info, err := os.Stat(a.Keytab)
	if err != nil {
		return fmt.Errorf("read keytab: %w", err)
	}
	b, err := os.ReadFile(a.Keytab)
	if err != nil {
		return fmt.Errorf("read keytab: %w", err)
	}
	ring, err := readKeytab(b, a.allows)
	if err != nil {
		return fmt.Errorf("read keytab %s: %w", a.Keytab, err)
	}
	if mode := info.Mode().Perm(); mode&0o044 != 0 {
		ring.warnings = append(ring.warnings, fmt.Errorf("keytab %s is readable by others (mode %04o): its keys are worth as much as passwords", a.Keytab, mode))
	}
	if a.RC4 {
		ring.warnings = append(ring.warnings, errors.New("RC4 tickets are accepted: they can be guessed from the account's password; set msDS-SupportedEncryptionTypes to 24 (AES) and turn rc4 off"))
	}
	for _, w := range ring.warnings {
		a.log().Warn("keytab", "listener", a.Listener, "error", w)
	}
	a.ring.Store(ring)
	return nil
}

// Facts are the keys in force, each once, in the order of the keytab.
func (a *Acceptor) Facts() []Fact { return a.keys().facts }

// Warnings are what the newest Load found odd but usable.
func (a *Acceptor) Warnings() []error { return a.keys().warnings }

// keys is never nil.
func (a *Acceptor) keys() *keyring {
	if ring := a.ring.Load(); ring != nil {
		return ring
	}
	return &keyring{}
}

// readKeytab keeps the keys of allowed etypes. Its errors say nothing of what is in the file, which gokrb5's do, keys included.
func readKeytab(b []byte, allows func(etype int32) bool) (*keyring, error) {
	var file keytab.Keytab
	if err := file.Unmarshal(b); err != nil {
		return nil, errors.New("it is no keytab, or damaged")
	}
	ring := &keyring{}
	var unused []string
	for i := range file.Entries {
		e := &file.Entries[i]
		k := serviceKey{
			name: strings.ToValidUTF8(strings.Join(e.Principal.Components, "/"), "\ufffd"), realm: strings.ToValidUTF8(e.Principal.Realm, "\ufffd"),
			kvno: e.KVNO, key: e.Key,
		}
		etype := etypeName(e.Key.KeyType)
		switch {
		case !allows(e.Key.KeyType):
			unused = append(unused, k.principal())
			continue
		case len(e.Key.KeyValue) != keyBytes(e.Key.KeyType):
			ring.warnings = append(ring.warnings, fmt.Errorf("key %s of %s has %d bytes and cannot be used", etype, k.principal(), len(e.Key.KeyValue)))
			continue
		}
		ring.keys = append(ring.keys, k)
		if !containsFold(ring.realms, k.realm) {
			ring.realms = append(ring.realms, k.realm)
		}
		if fact := (Fact{k.principal(), int(k.kvno), etype}); !slices.Contains(ring.facts, fact) {
			ring.facts = append(ring.facts, fact)
		}
	}
	if len(ring.keys) == 0 {
		if len(unused) > 0 {
			return nil, fmt.Errorf("it has no key of an allowed encryption type, only others (RC4, DES) of %s", short(strings.Join(unused, ", ")))
		}
		return nil, errors.New("it is empty")
	}
	ring.warnAboutRC4(unused)
	return ring, nil
}

// warnAboutRC4 names principals without a key for AES. unused are those with keys that may not be used.
func (r *keyring) warnAboutRC4(unused []string) {
	aes := map[string]bool{}
	for i := range r.keys {
		if k := &r.keys[i]; k.key.KeyType != etypeID.RC4_HMAC {
			aes[k.principal()] = true
		} else {
			unused = append(unused, k.principal())
		}
	}
	for _, principal := range unused {
		if !aes[principal] {
			aes[principal] = true
			r.warnings = append(r.warnings, fmt.Errorf("the keytab has no AES key of %s, only RC4 or older", principal))
		}
	}
}

const maxKeyTries = 32 // keys that one ticket is tried with

// candidates are the keys that may open a ticket, the likeliest first: those of its etype with its principal and kvno, with its kvno, and
// the others. The principal is clear text that the client chose from many spellings, so it only decides what is tried first. kvno 0
// fits all; only the low byte counts, as old keytabs have no more and read-only domain controllers put theirs above.
func (r *keyring) candidates(etype int32, name, realm string, kvno int) (tries []*serviceKey, versioned bool) {
	var same, others []*serviceKey
	for i := range r.keys {
		k := &r.keys[i]
		switch fits := kvno == 0 || byte(kvno) == byte(k.kvno); {
		case k.key.KeyType != etype:
		case fits && strings.EqualFold(k.name, name) && strings.EqualFold(k.realm, realm):
			tries = append(tries, k)
		case fits:
			same = append(same, k)
		default:
			others = append(others, k)
		}
	}
	versioned = len(tries)+len(same) > 0
	distinct := make([]*serviceKey, 0, min(maxKeyTries, len(tries)+len(same)+len(others)))
	for _, k := range append(append(tries, same...), others...) {
		if len(distinct) == maxKeyTries {
			break
		}
		if !slices.ContainsFunc(distinct, func(d *serviceKey) bool { return bytes.Equal(d.key.KeyValue, k.key.KeyValue) }) {
			distinct = append(distinct, k)
		}
	}
	return distinct, versioned
}

// etypes are the names of those in the keyring.
func (r *keyring) etypes() string {
	var names []string
	for i := range r.keys {
		if name := etypeName(r.keys[i].key.KeyType); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, s) })
}

// etypeName is the usual name of an encryption type.
func etypeName(etype int32) string {
	switch etype {
	case etypeID.AES128_CTS_HMAC_SHA1_96:
		return "aes128-cts-hmac-sha1-96"
	case etypeID.AES256_CTS_HMAC_SHA1_96:
		return "aes256-cts-hmac-sha1-96"
	case etypeID.AES128_CTS_HMAC_SHA256_128:
		return "aes128-cts-hmac-sha256-128"
	case etypeID.AES256_CTS_HMAC_SHA384_192:
		return "aes256-cts-hmac-sha384-192"
	case etypeID.RC4_HMAC:
		return "rc4-hmac"
	}
	return fmt.Sprintf("etype %d", etype)
}
