// Package strict reads YAML files that people write: an unknown key, a key that is there twice or a value of the wrong kind is an
// error that names file, line and column, shows the line and, for a key, the nearest one that exists. All that is wrong with a file
// is said at once.
//
// It is the reader of the main file and of subscription files and knows nothing of either: fields are found by their yaml tag, values
// parse by the type of their field. A type with an UnmarshalText method parses itself. What is not a mapping of plain values (anchors,
// aliases, merge keys, tags, several documents) is refused: no file of ours needs it, and a file cannot grow while it is read.
//
// ${NAME}, ${NAME:-default}, ${NAME:?message} and ${file:PATH} are expanded in values, after YAML has been read: what comes in
// through them can never become a key, a list or a second value. $$ is one dollar sign; a dollar sign before anything else stays.
//
// Nothing here has state: all functions may be called concurrently.
package strict
