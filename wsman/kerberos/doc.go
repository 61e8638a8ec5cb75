// Package kerberos is the Kerberos half of the protocol: AP exchanges for both ends, and sealed messages, over gokrb5's primitives.
package kerberos

import (
	_ "github.com/Azure/go-ntlmssp" // until the simulator has its refusal proof
	_ "github.com/jcmturner/gokrb5/v8/client"
)
