// Package sldc is Windows' one compression for forwarded events: bytes in, bytes out.
//
// SLDC (Streaming Lossless Data Compression) is ECMA-321, also ISO/IEC 22091. MS-WSMV 2.2.9.2 puts one stream into a request body
// and the length of the uncompressed data, four bytes little-endian, behind it:
//
//	| Reset 1 | literals and copies … | End Of Record | zero bits | length |
//
// Symbols are bits, most significant first. A copy names an absolute place in the last 1024 bytes, not a distance. Windows does not
// pad to 32 bits as ECMA-321 asks, so nothing here relies on alignment.
//
// [Append] decodes what a collector receives; [Compress] and [Encoder] write what a source sends. [Is] tells a compressed body from
// one that is only labelled so. The package knows no HTTP, no text and no limits of its own.
//
// All functions may be called concurrently; an [Encoder] belongs to one caller at a time.
package sldc
