// Package certs makes, reads and watches over the certificates that stand between Windows hosts and the collector: an authority that
// issues what Windows accepts, PFX files for import there, thumbprints for its policy, the server's TLS settings with reload and
// revocation, and the answer to "why would Windows refuse this?".
//
// It is no certificate service: nothing here listens, enrols or renews. A collector works as well with certificates from an existing
// authority (AD CS, RSA or ECDSA); then only [Server] and [Explain] matter.
//
// Specs: RFC 5280 (certificates, CRLs), RFC 7292 (PFX), RFC 8446 and RFC 5246 (TLS).
//
// An [Authority] and a [Pair] are read-only after they were made and may be shared. A [Server] is loaded by one goroutine at a time
// while any number of handshakes use it.
package certs
