"""A web server on loopback: files with ETag and Range as RFC 9110 says, redirects, and the part of a model hub's
interface that `huggingface_hub` asks for. It can cut a transfer once, or stop in the middle of one."""

import hashlib
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """What arrived: path with query, and headers."""

    path: str
    headers: dict


def etag_of(content):
    return f'"{hashlib.sha256(content).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server.owner
        server.requests.append(Request(self.path, dict(self.headers)))
        path = self.path.split("?")[0]
        if path in server.redirects:
            self.answer(307, {"Location": server.redirects[path]})
        elif path in server.statuses:
            self.answer(server.statuses[path].pop(0), server.error_headers)
            if not server.statuses[path]:
                del server.statuses[path]
        elif path in server.files:
            self.send_file(server, path)
        else:
            self.answer(404, {})

    def send_file(self, server, path):
        content, etag = server.files[path], server.etag(path)
        start, headers = 0, {"ETag": etag} if etag else {}
        if "Range" in self.headers and self.headers.get("If-Range", etag) == etag:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        stop = server.cuts.pop(path, len(content))
        self.answer(206 if "Content-Range" in headers else 200, headers, content[start:], stop - start)
        if stop < len(content):
            server.go_on.wait()
            self.close_connection = True

    def answer(self, status, headers, body=b"", sent=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        self.wfile.flush()

    def log_message(self, *arguments):
        pass


class Server:
    """Serves `files` until it is closed; `requests` is what was asked for."""

    def __init__(self):
        self.files = {}
        self.redirects = {}
        self.statuses = {}  # path -> statuses to answer with first, one a request
        self.error_headers = {}  # of those answers
        self.cuts = {}  # path -> at which byte the next transfer of it ends
        self.etags = {}  # path -> ETag other than the strong one, None for none
        self.requests = []
        self.go_on = threading.Event()  # cleared: a cut transfer hangs instead of closing the connection
        self.go_on.set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.owner = self
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def port(self):
        return self._http.server_port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def etag(self, path):
        return self.etags.get(path, etag_of(self.files[path]))

    def requests_of(self, path):
        return [request for request in self.requests if request.path == path]

    def close(self):
        self.go_on.set()
        self._http.shutdown()
        self._http.server_close()

    def publish_model(self, repository, files, commit):
        """Make `files` the newest commit of a model; weights count as large files, whose sums the hub knows."""
        siblings = []
        for name, content in files.items():
            sibling = {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            if name.endswith((".safetensors", ".bin")):
                digest = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
            self.files[f"/{repository}/resolve/{commit}/{name}"] = content
        description = {"id": repository, "sha": commit, "siblings": siblings, "tags": []}
        self.files[f"/api/models/{repository}"] = json.dumps(description).encode()
