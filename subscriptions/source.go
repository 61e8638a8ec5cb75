package subscriptions

import _ "embed"

// Source is the text of the file that declares Subscription: its comments are what the schema of subscription files says.
//
//go:embed subscription.go
var Source string
