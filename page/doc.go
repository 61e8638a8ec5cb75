// Package page draws the status page: one HTML document from one Snapshot, complete in itself. No script, no asset from outside, a
// style sheet whose hash the content security policy names, light and dark as the reader's system is.
//
// It knows nothing of the house that it shows: what is healthy, and what to do about what is not, comes with the Snapshot. Text in a
// Snapshot may come from hosts that nobody knows; html/template escapes all of it.
package page
