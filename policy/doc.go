// Package policy writes what a Windows administrator needs so that hosts deliver to this collector: the registry values of the
// Group Policy in every form in which such values travel (registry.pol, LGPO text, a GPO backup, an Intune profile), a script for
// hosts without any of these, and a page that says what values in a registry cannot do.
//
//	Policy ──► Settings ──► registry.pol   lgpo.txt   intune.json   gpo-backup/{…}
//	   └─────► wefka.ps1    README.md
//
// Sources: [MS-GPREG] for registry.pol, [MS-GPOL] for the folders of a GPO, the policy templates EventForwarding.admx and
// EventLog.admx for keys and names. Nothing of this package was applied on a real Windows when it was written; its tests read back
// what it writes.
package policy
