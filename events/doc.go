// Package events knows what a Windows event is: Batch, the raw events of one request, and Record, one event decoded.
//
// A Decoder reads one event's XML in one pass and without a tree: values are slices of the text, or of the decoder's scratch where
// something had to be decoded. Once warm it allocates nothing. It takes everything that Windows writes (MS-EVEN6 2.2.17 and the
// event schema) and, beyond that, whatever XML 1.0 allows, with these exceptions:
//
//   - a document type declaration is refused, and with it every entity but the five predefined ones;
//   - elements deeper than 256 or with more than 64 attributes are refused, and so is a repeated attribute;
//   - characters that XML 1.0 forbids, raw or as a reference, and bytes that are no UTF-8 become U+FFFD (Record.Illegal);
//   - an event that breaks off inside its RenderingInfo is decoded without it (Record.Truncated).
//
// Elements are matched by local name: whatever namespace an event claims, it is an event. Laxer than XML 1.0, the decoder takes any
// non-ASCII character in a name, ]]> in a text, and whatever an XML declaration says.
//
// The package touches no network, file or clock and imports no other room. A Decoder and its Record serve one goroutine at a time;
// functions are safe for concurrent use.
//
// Specs: MS-EVEN6, the Windows event schema (event.xsd), XML 1.0 fifth edition.
package events
