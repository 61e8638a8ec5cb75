package wsman

import "fmt"

// Fault is an error that is a reply. Only Status goes out, and Text where Subcode asks for a SOAP fault (wef-protocol 6.9);
// Reason is a word for log and metrics, Err is for our log alone.
type Fault struct {
	Status  int    // HTTP status
	Code    string // s:Sender or s:Receiver; "" = no SOAP body
	Subcode string // w:DeliveryRefused, w:EncodingLimit, …; "" = no SOAP body
	Text    string // what the source writes into its log, where there is a SOAP body
	Reason  string // one word of a closed set, such as malformed, too_large, unknown_subscription, forbidden
	Err     error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("%d %s", f.Status, f.Reason)
	}
	return fmt.Sprintf("%d %s: %v", f.Status, f.Reason, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }
