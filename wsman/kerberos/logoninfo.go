package kerberos

import (
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// readLogonInfo gives the SIDs of all groups in a KERB_VALIDATION_INFO (MS-PAC 2.5): those of the account's domain, extra ones, and
// those of the resource domain. The account's own SID is not among them.
//
// It is NDR (MS-RPCE 2.2.6): a fixed part, and behind it, in the same order, whatever its pointers that are not null point to. gokrb5
// has a decoder, but one that allocates what the counts say.
func readLogonInfo(b []byte) ([]string, error) {
	r := &ndr{b: b}
	r.skip(8 + 8 + 4) // common header, private header, pointer to the structure
	if !r.failed && (b[0] != 1 || b[1] != 0x10 || binary.LittleEndian.Uint16(b[2:]) != 8) {
		return nil, errNDR // not little-endian version 1
	}
	r.skip(6 * 8)     // times
	var texts [8]bool // names and paths: is there one?
	for i := range 6 {
		texts[i] = r.stringRef()
	}
	r.skip(2 + 2 + 4 + 4) // counts of logons, user, primary group
	groupCount, groups := r.u32(), r.u32()
	r.skip(4 + 16) // flags, session key
	texts[6], texts[7] = r.stringRef(), r.stringRef()
	domain := r.u32()
	r.skip(8 + 4 + 4 + 8 + 8 + 4 + 4) // reserved, account control, status, logons, failed logons, reserved
	extraCount, extra := r.u32(), r.u32()
	resourceDomain := r.u32()
	resourceCount, resource := r.u32(), r.u32()

	for _, there := range texts[:6] {
		r.string(there)
	}
	rids := r.memberships(groups, groupCount)
	for _, there := range texts[6:] {
		r.string(there)
	}
	sids := appendSIDs(nil, r.sid(domain), rids)
	sids = append(sids, r.sids(extra, extraCount)...)
	within := r.sid(resourceDomain)
	sids = appendSIDs(sids, within, r.memberships(resource, resourceCount))
	if r.failed {
		return nil, errNDR
	}
	seen := make(map[string]bool, len(sids))
	return slices.DeleteFunc(sids, func(sid string) bool {
		again := seen[sid]
		seen[sid] = true
		return again
	}), nil
}

var errNDR = errors.New("cut short, or not what it should be")

// useForDenyOnly is an attribute of a group that must grant nothing (MS-PAC 2.2.1).
const useForDenyOnly = 0x10

func appendSIDs(sids []string, domain string, rids []uint32) []string {
	for _, rid := range rids {
		sids = append(sids, domain+"-"+strconv.FormatUint(uint64(rid), 10))
	}
	return sids
}

// ndr reads little-endian NDR. After a failure everything it reads is zero.
type ndr struct {
	b      []byte
	at     int
	failed bool
}

// take gives the next n bytes, aligned; nil when there are not as many.
func (r *ndr) take(n, align int) []byte {
	at := (r.at + align - 1) &^ (align - 1)
	if r.failed || n < 0 || n > len(r.b)-at {
		r.failed = true
		return nil
	}
	r.at = at + n
	return r.b[at:r.at]
}

func (r *ndr) skip(n int) { r.take(n, 1) }

func (r *ndr) u32() uint32 {
	if b := r.take(4, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// count reads how many elements of size bytes an array has, and that they are there.
func (r *ndr) count(size int) int {
	n := uint64(r.u32())
	if n*uint64(size) > uint64(len(r.b)-r.at) {
		r.failed = true
		return 0
	}
	return int(n)
}

// stringRef reads an RPC_UNICODE_STRING but for its text, and says whether there is one.
func (r *ndr) stringRef() bool {
	r.take(4, 4)
	return r.u32() != 0
}

// string skips the text of one: a conformant and varying array of UTF-16.
func (r *ndr) string(there bool) {
	if there {
		r.take(8, 4) // maximum, offset
		r.take(2*r.count(2), 2)
	}
}

// memberships reads GROUP_MEMBERSHIPs behind a pointer; wanted is how many the fixed part has announced.
func (r *ndr) memberships(pointer, wanted uint32) []uint32 {
	if pointer == 0 {
		return nil
	}
	n := r.count(8)
	if uint64(n) != uint64(wanted) {
		r.failed = true
		return nil
	}
	rids := make([]uint32, 0, n)
	for range n {
		rid, attributes := r.u32(), r.u32()
		if attributes&useForDenyOnly == 0 {
			rids = append(rids, rid)
		}
	}
	return rids
}

// sids reads KERB_SID_AND_ATTRIBUTES behind a pointer: the array first, and then what it points to.
func (r *ndr) sids(pointer, wanted uint32) []string {
	if pointer == 0 {
		return nil
	}
	n := r.count(8)
	if uint64(n) != uint64(wanted) {
		r.failed = true
		return nil
	}
	rows := r.take(8*n, 4)
	var found []string
	for ; len(rows) >= 8 && !r.failed; rows = rows[8:] {
		sid := r.sid(binary.LittleEndian.Uint32(rows))
		if sid != "" && binary.LittleEndian.Uint32(rows[4:])&useForDenyOnly == 0 {
			found = append(found, sid)
		}
	}
	return found
}

// sid reads an RPC_SID behind a pointer (MS-DTYP 2.4.2.3) in its usual spelling; "" for null.
func (r *ndr) sid(pointer uint32) string {
	if pointer == 0 {
		return ""
	}
	n := r.count(4)
	head := r.take(8, 1)
	if r.failed || head[0] != 1 || int(head[1]) != n || n > 15 {
		r.failed = true
		return ""
	}
	authority := binary.BigEndian.Uint64(head) & (1<<48 - 1)
	sid := "S-1-" + strconv.FormatUint(authority, 10)
	if authority >= 1<<32 {
		sid = "S-1-0x" + strconv.FormatUint(authority, 16)
	}
	for range n {
		sid += "-" + strconv.FormatUint(uint64(r.u32()), 10)
	}
	return sid
}
