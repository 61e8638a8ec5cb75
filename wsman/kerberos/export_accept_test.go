package kerberos

import (
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Clock makes the acceptor tell the time by now.
func (a *Acceptor) Clock(now func() time.Time) { a.now = now }

// RememberAtMost bounds the replay cache.
func (a *Acceptor) RememberAtMost(n int) { a.replays.limit = n }

// Forget empties the replay cache.
func (a *Acceptor) Forget() {
	a.replays.mu.Lock()
	defer a.replays.mu.Unlock()
	a.replays.seen, a.replays.queue, a.replays.first = nil, nil, 0
}

// Remembered is how many authenticators the replay cache holds.
func (a *Acceptor) Remembered() int { return a.replays.len(a.clock()) }

// Number is the number of the next token that the context makes, and changed to another.
func (c *Context) Number(change func(uint64) uint64) { c.send = change(c.send) }

// What fuzzing and vectors reach directly.
var (
	OpenFrame     = openFrame
	AppendFrame   = appendFrame
	ReadLogonInfo = readLogonInfo
)

// VerifyPAC reads a PAC, verifies it with the service's key and gives the groups in it.
func VerifyPAC(b []byte, key types.EncryptionKey) ([]string, error) {
	inner, err := asn1.Marshal(types.AuthorizationData{{ADType: 128, ADData: b}})
	if err != nil {
		return nil, err
	}
	h := &hearing{}
	h.opener = &serviceKey{key: key}
	h.ticket.AuthorizationData = types.AuthorizationData{{ADType: 1, ADData: inner}}
	return h.groups()
}

// ReadKeytab says how many keys there are.
func ReadKeytab(b []byte) (int, error) {
	ring, err := readKeytab(b, (&Acceptor{RC4: true}).allows)
	if err != nil {
		return 0, err
	}
	for i := range ring.keys {
		k := &ring.keys[i]
		ring.candidates(k.key.KeyType, k.name, k.realm, int(k.kvno))
	}
	return len(ring.keys), nil
}

// ReadNegInit gives the parts of a NegTokenInit.
func ReadNegInit(b []byte) (mechs [][]byte, list, token, mic []byte, err error) {
	n, err := readNegInit(b)
	return n.mechs, n.list, n.token, n.mic, err
}

// ReadNegResp gives those of a NegTokenResp, and AppendNegResp makes one out of them.
func ReadNegResp(b []byte) (state int, mech, token, mic []byte, err error) {
	n, err := readNegResp(b)
	return n.state, n.mech, n.token, n.mic, err
}

func AppendNegResp(dst []byte, state int, mech, token, mic []byte) []byte {
	return appendNegResp(dst, negResp{state, mech, token, mic})
}
