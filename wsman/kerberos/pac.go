package kerberos

import (
	"bytes"
	"encoding/binary"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/adtype"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// groups are the SIDs that a domain controller has put into the ticket, in its privilege attribute certificate (MS-PAC). One with a wrong
// signature refuses the ticket; without one, or without logon information in it, as MIT's KDC makes them, the source is in no group.
func (h *hearing) groups() ([]string, error) {
	found, err := findPAC(h.ticket.AuthorizationData)
	if err != nil || found == nil {
		return nil, err
	}
	table, err := readPAC(found)
	if err != nil {
		return nil, err
	}
	if err := table.verify(h.opener.key); err != nil {
		return nil, err
	}
	info, ok := table.find(pacLogonInfo)
	if !ok {
		return nil, nil
	}
	sids, err := readLogonInfo(table.data[info.offset : info.offset+info.size])
	if err != nil {
		return nil, refuse(reasonMalformed, "PAC logon information: %w", err)
	}
	return sids, nil
}

// findPAC gives the one PAC of a ticket, which sits below an AD-IF-RELEVANT (MS-KILE 3.3.5.6.4); nil if there is none.
func findPAC(data types.AuthorizationData) (found []byte, err error) {
	for _, outer := range data {
		if outer.ADType != adtype.ADIfRelevant {
			continue
		}
		var relevant types.AuthorizationData
		if err := relevant.Unmarshal(outer.ADData); err != nil {
			return nil, refuse(reasonMalformed, "authorization data: %w", err)
		}
		for _, inner := range relevant {
			if inner.ADType != adtype.ADWin2KPAC {
				continue
			}
			if found != nil {
				return nil, refuse(reasonMalformed, "two PACs in one ticket")
			}
			found = append([]byte{}, inner.ADData...)
		}
	}
	return found, nil
}

// Types of PAC buffers (MS-PAC 2.4).
const (
	pacLogonInfo       = 1
	pacServerSignature = 6
	pacKDCSignature    = 7

	maxPACBuffers = 64 // some 20 are defined
)

// pacTable is a PAC whose table was checked.
type pacTable struct {
	data    []byte
	buffers []pacBuffer
}

type pacBuffer struct {
	kind         uint32
	offset, size int
}

// readPAC reads the table (MS-PAC 2.3). Every range is within the data, and no kind that counts here comes twice.
func readPAC(b []byte) (pacTable, error) {
	const head, row = 8, 16
	t := pacTable{data: b}
	if len(b) < head {
		return t, refuse(reasonMalformed, "PAC of %d bytes", len(b))
	}
	count, version := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if version != 0 || count > maxPACBuffers || head+row*int(count) > len(b) {
		return t, refuse(reasonMalformed, "PAC of version %d with %d buffers in %d bytes", version, count, len(b))
	}
	for r := b[head : head+row*int(count)]; len(r) > 0; r = r[row:] {
		kind, size, offset := binary.LittleEndian.Uint32(r), uint64(binary.LittleEndian.Uint32(r[4:])), binary.LittleEndian.Uint64(r[8:])
		if offset > uint64(len(b)) || size > uint64(len(b))-offset {
			return t, refuse(reasonMalformed, "PAC buffer %d of %d bytes at %d in %d", kind, size, offset, len(b))
		}
		if _, twice := t.find(kind); twice && (kind == pacLogonInfo || kind == pacServerSignature || kind == pacKDCSignature) {
			return t, refuse(reasonMalformed, "PAC with two buffers %d", kind)
		}
		t.buffers = append(t.buffers, pacBuffer{kind, int(offset), int(size)})
	}
	return t, nil
}

func (t *pacTable) find(kind uint32) (pacBuffer, bool) {
	for _, b := range t.buffers {
		if b.kind == kind {
			return b, true
		}
	}
	return pacBuffer{}, false
}

// verify checks the server's signature (MS-PAC 2.8.2), made with the key that opened the ticket, over the PAC with both signatures zero.
// Those under the KDC's own key are not ours to check.
func (t *pacTable) verify(key types.EncryptionKey) error {
	server, ok := t.find(pacServerSignature)
	if !ok {
		return refuse(reasonMalformed, "PAC without the server's signature")
	}
	kind, signature, ok := t.signature(server)
	if !ok || kind != checksumOf(key.KeyType) && kind != chksumtype.KERB_CHECKSUM_HMAC_MD5 { // the latter works with any key, and is used so
		return refuse(reasonMalformed, "PAC signature of type %d and %d bytes under a key of %s", kind, server.size, etypeName(key.KeyType))
	}
	given := bytes.Clone(signature)
	clear(signature)
	if kdc, ok := t.find(pacKDCSignature); ok {
		_, signature, ok := t.signature(kdc)
		if !ok {
			return refuse(reasonMalformed, "PAC with a KDC signature of %d bytes", kdc.size)
		}
		clear(signature)
	}
	e, err := crypto.GetChksumEtype(kind)
	if err != nil || !e.VerifyChecksum(key.KeyValue, t.data, given, keyusage.KERB_NON_KERB_CKSUM_SALT) {
		return refuse(reasonMalformed, "wrong PAC signature")
	}
	return nil
}

// signature is a PAC_SIGNATURE_DATA (MS-PAC 2.8): a type, as many bytes as that has, and sometimes the number of a read-only domain
// controller.
func (t *pacTable) signature(b pacBuffer) (kind int32, signature []byte, ok bool) {
	d := t.data[b.offset : b.offset+b.size]
	if len(d) < 4 {
		return 0, nil, false
	}
	kind, d = int32(binary.LittleEndian.Uint32(d)), d[4:]
	size := len(d)
	switch kind {
	case chksumtype.HMAC_SHA1_96_AES128, chksumtype.HMAC_SHA1_96_AES256:
		size = 12
	case chksumtype.KERB_CHECKSUM_HMAC_MD5, chksumtype.HMAC_SHA256_128_AES128:
		size = 16
	case chksumtype.HMAC_SHA384_192_AES256:
		size = 24
	}
	if size > len(d) {
		return kind, nil, false
	}
	return kind, d[:size], true
}

// checksumOf is the checksum type that goes with keys of an etype.
func checksumOf(etype int32) int32 {
	e, err := crypto.GetEtype(etype)
	if err != nil {
		return 0
	}
	return e.GetHashID()
}
