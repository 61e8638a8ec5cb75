// Package kerberos is the Kerberos half of the protocol: AP exchanges for both ends, and sealed messages, over gokrb5's primitives. It
// knows tickets, key usages, sequence numbers and the bytes of tokens; what is in a message is the business of package wsman, whose
// Authenticator and Session an [Acceptor] fits.
//
// One connection, which is one security context:
//
//	source                                                      Acceptor
//	  Authorization: Kerberos AP-REQ                   ──▶  keytab opens the ticket, its key opens the authenticator;
//	                                                        time, flags, replay, realm, PAC, name
//	            200, WWW-Authenticate: Kerberos AP-REP ◀──  a key and a number of our own
//	  multipart/encrypted                              ──▶  Context.Open
//	            200, multipart/encrypted               ◀──  Context.Seal
//
// With Authorization: Negotiate the same tokens travel inside SPNEGO, in one leg or, when Kerberos was not the first choice of the
// source, in three. NTLM is told apart and refused; there is no code for it. A ticket that names one of our principals proves nothing by
// that: the name outside is clear text. What counts is that a key of the keytab opens it.
//
// The other end is here too: an [Initiator] gets tickets for the simulated hosts and proves them as Windows does, or, on purpose, not quite.
//
// gokrb5 reads and writes the ASN.1, reads keytabs and has the ciphers. Its own acceptor, replay cache and PAC reader are not used: they
// panic on short ciphertexts, accept replays in parallel and allocate by a peer's number. So no ciphertext goes to it before its length
// is checked, and a panic in the acceptor is a refusal.
//
// An Acceptor is safe for concurrent use once its fields are set and Load has returned nil. A Context, and a session, serves one
// goroutine at a time.
//
// Specifications: RFC 4120, RFC 4121 and 2743 (GSS tokens), RFC 3961, 3962 and 8009 (AES), RFC 4757 (RC4), RFC 4178 (SPNEGO), MS-WSMV
// 2.2.9.1 (sealed bodies), MS-PAC.
package kerberos
