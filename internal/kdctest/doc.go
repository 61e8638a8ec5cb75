// Package kdctest gives tests a Kerberos: a KDC of MIT krb5 (MIT), or a Samba Active Directory domain controller with computer accounts,
// groups and PACs (Samba), each in its own processes on loopback, with all its files in a temporary folder. Linux only. It is test help:
// nothing that ships imports it.
//
// MIT is there in half a second, Samba in some twenty. A desk without their programs skips with the reason; CI=true or a WEFKA_REQUIRE that
// lists krb5, or samba, makes that a failure.
package kdctest
