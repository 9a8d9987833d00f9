"""An HTTP server that does what its paths say, right or wrong: the bytes are those of the file it is given."""
import re, socket, sys, threading

DATA = open(sys.argv[1], "rb").read()
HALF = len(DATA) // 2


def head(status, *fields):
    return ("HTTP/1.1 " + "\r\n".join((status,) + fields) + "\r\n\r\n").encode()


def length(count):
    return "Content-Length: %d" % count


def ranged(request, tag, keep=None):
    """All of it, or what is asked for of this version; of all of it, `keep` bytes before it is cut."""
    fields = dict(line.split(": ", 1) for line in request[1:])
    wanted = re.fullmatch(r"bytes=(\d+)-", fields.get("Range", ""))
    if wanted and fields.get("If-Range", tag) == tag:
        first = int(wanted.group(1))
        if first >= len(DATA):
            return head("416 Beyond", "Content-Range: bytes */%d" % len(DATA), length(0))
        span = "Content-Range: bytes %d-%d/%d" % (first, len(DATA) - 1, len(DATA))
        return head("206 Part", span, "ETag: " + tag, length(len(DATA) - first)) + DATA[first:]
    return head("200 OK", "ETag: " + tag, length(len(DATA))) + DATA[:keep]


def chunks(end):
    said = head("200 OK", "Transfer-Encoding: chunked")
    at, size = 0, 1
    while at < len(DATA):
        piece = DATA[at : at + size]
        said += b"%X;note=1\r\n" % len(piece) + piece + b"\r\n"
        at, size = at + size, size * 3
    return said + end


def span(text):
    return head("206 Part", "Content-Range: bytes " + text, length(10)) + bytes(10)


ANSWERS = {
    "/whole": lambda r: ranged(r, '"one"'),
    "/other": lambda r: ranged(r, '"two"'),
    "/cut": lambda r: ranged(r, '"one"', HALF),
    "/cut-other": lambda r: ranged(r, '"two"', HALF),
    "/a%20name%2e": lambda r: ranged(r, '"one"'),
    "/": lambda r: ranged(r, '"one"'),
    "/dir/..%2F..%2Fetc%2Fpasswd": lambda r: ranged(r, '"one"'),
    "/%2e%2e%5c%0a": lambda r: ranged(r, '"one"'),
    "/chunks": lambda r: chunks(b"0\r\nTrailer: 1\r\n\r\n"),
    "/chunks-cut": lambda r: chunks(b""),
    "/chunks-bad": lambda r: chunks(b"lots\r\n"),
    "/chunks-huge": lambda r: chunks(b"f" * 17 + b"\r\n"),
    "/chunks-line": lambda r: chunks(b"1;" + b"x" * 100000),
    "/close": lambda r: head("200 OK") + DATA,
    "/interim": lambda r: head("100 Continue") + head("103 Early", "Link: x") + ranged(r, '"one"'),
    "/interims": lambda r: head("102 Processing") * 100,
    "/short": lambda r: head("200 OK", length(2 * len(DATA))) + DATA,
    "/long": lambda r: head("200 OK", length(HALF)) + DATA,
    "/lengths": lambda r: head("200 OK", length(1), length(2)) + DATA,
    "/negative": lambda r: head("200 OK", "Content-Length: -1") + DATA,
    "/both": lambda r: head("200 OK", length(1), "Transfer-Encoding: chunked") + DATA,
    "/gzip": lambda r: head("200 OK", "Transfer-Encoding: gzip") + DATA,
    "/there": lambda r: head("302 Found", "Location: /whole", length(0)),
    "/circle": lambda r: head("307 Round", "Location: /circle", length(0)),
    "/https": lambda r: head("301 Moved", "Location: https://192.0.2.1/whole", length(0)),
    "/nowhere": lambda r: head("301 Moved", "Location: http://[", length(0)),
    "/local": lambda r: head("301 Moved", "Location: file:///etc/passwd", length(0)),
    "/rubbish": lambda r: b"\0\1\2 this is no response\r\n\r\n",
    "/nothing": lambda r: b"",
    "/unasked": lambda r: span("0-9/10"),
    "/changed": lambda r: ranged([line for line in r if "If-Range" not in line], '"two"') if "Range" in str(r)
    else ranged(r, '"one"', HALF),
    "/beyond": lambda r: head("416 Beyond", length(0)) if "Range" in str(r) else ranged(r, "x", HALF),
    "/shrunk": lambda r: head("416 Beyond", "Content-Range: bytes */9", length(0))
    if "Range" in str(r)
    else ranged(r, "x", HALF),
    "/piece": lambda r: span("%d-%d/%d" % (HALF, HALF + 9, len(DATA))) if "Range" in str(r) else ranged(r, "x", HALF),
    "/elsewhere": lambda r: ranged(r, "x", HALF) if "Range" not in str(r) else span("1-10/11"),
    "/too-much": lambda r: head("206 Part", "Content-Range: bytes %d-%d/%d" % (HALF, HALF, HALF + 1)) + DATA
    if "Range" in str(r)
    else ranged(r, "x", HALF),
}


def answer(connection):
    with connection:
        said = b""
        while b"\r\n\r\n" not in said:
            piece = connection.recv(65536)
            if not piece:
                return
            said += piece
        request = said.decode().split("\r\n\r\n")[0].split("\r\n")
        path = request[0].split(" ")[1].split("?")[0]
        if path == "/endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-More: and more\r\n" * 100)
        if path == "/silent":
            connection.sendall(head("200 OK", 'ETag: "one"', length(len(DATA))) + DATA[:HALF])
            connection.recv(1)
            return
        missing = lambda r: head("404 Not here", length(0))
        connection.sendall(ANSWERS.get(path, missing)(request))


def serve(connection):
    try:
        answer(connection)
    except OSError:
        pass  # The client has had enough.


listener = socket.create_server((sys.argv[2], 8000), family=socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
