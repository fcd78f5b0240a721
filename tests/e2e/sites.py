"""Web servers that checks come to, and the checks that do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """A web server on loopback that notes what it is asked."""

    url: str = ""
    port: int = 0
    location: str = ""
    """Where every answer redirects to, empty for nowhere."""
    asked: list[str] = field(default_factory=list)


@contextmanager
def open_site(location: str = "", address: str = "127.0.0.1", port: int = 0) -> Iterator[Site]:
    """A server for as long as the block lasts."""
    site = Site(location=location)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.send_response(302 if site.location else 200)
            if site.location:
                self.send_header("Location", site.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, port), Handler)
    site.port, site.url = server.server_port, f"http://{address}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def http(url: str = "", **more: Any) -> dict[str, Any]:
    """A check that looks at once and condemns at the first failure."""
    where = {"url": url} if url else {}
    quick = {"interval": "1s", "initialDelay": "0s", "timeout": "2s", "consecutiveFailureLimit": 1}
    return {"name": "site", "http": {**where, **more}, **quick}
