"""A proxy between a client and servers that does with each request what the test says."""

import http.client
import http.server
import json
import threading
import urllib.parse


class Between:
    """Sends the first request to the first of `endpoints`, the next to the next, and all further ones to the last. Of
    ("lost", endpoint) the client never gets the answer: its connection ends instead, after the server has answered. To
    ("until refused", endpoint) the request is sent again and again, and the client gets the first refusal.

    with Between(ENDPOINT) as between: … between.endpoint … between.requests
    """

    def __init__(self, *endpoints):
        self._endpoints = endpoints
        self.requests = []  # the bodies that came, in their order
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _next(self, body):
        self.requests.append(json.loads(body))
        endpoint = self._endpoints[min(len(self.requests), len(self._endpoints)) - 1]
        return endpoint if isinstance(endpoint, tuple) else ("delivered", endpoint)

    def _handler(between):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fate, endpoint = between._next(body)
                server = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc)
                status = None
                while status is None or (fate == "until refused" and status == 200):
                    server.request("POST", self.path, body, dict(self.headers))
                    answer = server.getresponse()
                    status, content = answer.status, answer.read()
                server.close()
                if fate == "lost":
                    self.close_connection = True
                    return
                self.send_response_only(status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        return Handler
