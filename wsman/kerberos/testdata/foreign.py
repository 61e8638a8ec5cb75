"""A WinRM source on MIT's GSS library: it shares no line with wefka.

Reads a JSON object from stdin: address, path, service (a principal), scheme, coding ("" or SLDC), messages (XML).
Authenticates on one connection, seals and sends each message on it, and writes a JSON object to stdout:
the status of the proof, and of each answer what it is made of and the text in it.
Credentials come from KRB5_CLIENT_KTNAME.
"""
import base64
import http.client
import json
import struct
import sys

import gssapi
from gssapi.raw import IOV, IOVBufferType, unwrap_iov, wrap_iov

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
KRB5 = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2")
SOAP = "application/soap+xml;charset=UTF-16"
BOUNDARY = b"--Encrypted Boundary"


def sldc(data):
    """ECMA-321 with literals alone: Reset 1, a zero bit and eight of data for each byte, End Of Record; then the length."""
    bits = "1111111110101" + "".join("0" + format(b, "08b") for b in data) + "1111111110100"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\0" + struct.pack("<I", len(data))


def seal(context, protocol, message):
    iov = IOV(IOVBufferType.header, message, IOVBufferType.padding, std_layout=False)
    wrap_iov(context, iov, confidential=True)
    header, data, padding = (bytes(b.value or b"") for b in iov)
    return b"".join([
        BOUNDARY, b"\r\n",
        b"Content-Type: ", protocol.encode(), b"\r\n",
        b"OriginalContent: type=", SOAP.encode(), b";Length=", str(len(message) + len(padding)).encode(), b"\r\n",
        BOUNDARY, b"\r\nContent-Type: application/octet-stream\r\n",
        struct.pack("<I", len(header)), header, data, padding,
        BOUNDARY, b"--\r\n"])


def opened(context, protocol, kind, body):
    """Takes an answer apart by the byte layout of MS-WSMV 2.2.9.1 as Windows writes it, and says what it found."""
    want = 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % protocol
    first = BOUNDARY + b"\r\nContent-Type: " + protocol.encode() + b"\r\nOriginalContent: type=" + SOAP.encode() + b";Length="
    second = b"\r\n" + BOUNDARY + b"\r\nContent-Type: application/octet-stream\r\n"
    last = BOUNDARY + b"--\r\n"
    exact = kind == want and body.startswith(first) and body.endswith(last)
    length, _, rest = body[len(first):-len(last)].partition(second)
    size = struct.unpack("<I", rest[:4])[0]
    header, data = rest[4:4 + size], rest[4 + size:]
    iov = IOV((IOVBufferType.header, False, header), (IOVBufferType.data, False, data), (IOVBufferType.data, False, b""), std_layout=False)
    try:
        unwrap_iov(context, iov)
        clear = bytes(iov[1].value)
    except gssapi.exceptions.GSSError:
        # MIT wants its padding byte with RC4 when it is given the parts. As one token it opens without.
        clear = context.unwrap(header + data).message
    return {"exact": exact, "length": int(length), "header": size, "data": len(data), "token": header[:8].hex(), "content_length": len(body), "text": clear.decode("utf-16")}


def main():
    order = json.load(sys.stdin)
    negotiate = order["scheme"] == "Negotiate"
    protocol = "application/HTTP-%s-session-encrypted" % ("SPNEGO" if negotiate else "Kerberos")
    flag = gssapi.RequirementFlag
    context = gssapi.SecurityContext(
        name=gssapi.Name(order["service"], gssapi.NameType.kerberos_principal), usage="initiate", mech=SPNEGO if negotiate else KRB5,
        flags=flag.mutual_authentication | flag.replay_detection | flag.out_of_sequence_detection | flag.confidentiality | flag.integrity)
    connection = http.client.HTTPConnection(order["address"], timeout=30)
    coding = {"Content-Encoding": order["coding"]} if order["coding"] else {}
    report = {"answers": []}
    token = context.step()
    while True:
        connection.request("POST", order["path"], b"", {"Content-Type": SOAP, "Authorization": order["scheme"] + " " + base64.b64encode(token).decode(), **coding})
        answer = connection.getresponse()
        report["proof"] = answer.status
        report["body"] = len(answer.read())
        challenges = [v.split(" ", 1)[1] for k, v in answer.getheaders() if k.lower() == "www-authenticate" and v.startswith(order["scheme"] + " ")]
        if not challenges:
            break
        try:
            token = context.step(base64.b64decode(challenges[0]))
        except gssapi.exceptions.GSSError as e:
            report["error"] = str(e)
            break
        if context.complete:
            break
    report["complete"] = context.complete
    if context.complete:
        for text in order["messages"]:
            message = b"\xff\xfe" + text.encode("utf-16-le")
            if order["coding"]:
                message = sldc(message)
            connection.request("POST", order["path"], seal(context, protocol, message),
                               {"Content-Type": 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % protocol, **coding})
            answer = connection.getresponse()
            body = answer.read()
            seen = {"status": answer.status}
            if body:
                seen.update(opened(context, protocol, answer.getheader("Content-Type"), body))
            report["answers"].append(seen)
    json.dump(report, sys.stdout)


main()
