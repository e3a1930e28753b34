"""A Hub on loopback: what huggingface_hub, datasets and transformers ask of the real one, answered as it does."""

import base64
import json
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.hub.repositories import LARGE, Account, Refused, Repository, blob, entry, sha256


@dataclass
class Hub:
    """What the server knows, for tests to change while it runs.

    Attributes:
        repositories: by kind (``models``, ``datasets``) and name.
        tokens: accounts by token.
        fault: an HTTP status with which every request is answered, or None.
        takes_uploads: whether an account that may write may write files too.
        cuts: large files that are cut off in the middle, the next so many.
        requests: method, path and status of each request so far.
    """

    url: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    tokens: dict[str, Account] = field(default_factory=dict)
    fault: int | None = None
    takes_uploads: bool = True
    cuts: int = 0
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def add(self, kind: str, name: str, files: dict[str, bytes], **options: Any) -> Repository:
        """A new repository with one commit on ``main``."""
        repository = self.repositories[kind, name] = Repository(name, **options)
        repository.commit(files)
        return repository

    def takes_a_cut(self) -> bool:
        with self.lock:
            self.cuts -= 1
            return self.cuts >= 0


@contextmanager
def running(hub: Hub):
    """Serves the Hub on a free port of the loopback interface while the block runs."""
    handler = type("HubHandler", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """One request: who asks, which repository, what of it."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        url = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.hub.fault:
                raise Refused(self.hub.fault, "Service unavailable" if self.hub.fault >= 500 else "Too many requests")
            self.account = None if url.path.startswith("/large/") else self.authenticated()
            for pattern, respond in ROUTES:
                if match := re.fullmatch(pattern, url.path):
                    return respond(self, *(None if part is None else unquote(part) for part in match.groups()))
            raise Refused(404, f"Not found: {url.path}")
        except Refused as refused:
            self.send(refused.status, {"error": refused.words}, refused.headers)

    do_GET = do_HEAD = do_POST = answer

    def authenticated(self) -> Account | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        account = self.hub.tokens.get(token)
        if account is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        if account.expired:
            raise Refused(401, f'User Access Token "{account.user}-token" is expired')
        return account

    def repository(self, kind: str | None, name: str) -> Repository:
        found = self.hub.repositories.get((kind or "models", name))
        owners = (self.account.user, *self.account.organizations) if self.account else ()
        if found and (not found.private or name.split("/")[0] in owners):
            return found
        raise Refused(404 if self.account else 401, "Repository not found", "RepoNotFound")

    def home(self) -> None:
        self.send(200, {})

    def whoami(self) -> None:
        if self.account is None:
            raise Refused(401, "Invalid username or password.")
        role = "write" if self.account.may_write else "read"
        organizations = [{"name": name} for name in self.account.organizations]
        self.send(200, {"name": self.account.user, "orgs": organizations, "auth": {"accessToken": {"role": role}}})

    def information(self, kind: str, name: str, revision: str | None) -> None:
        repository = self.repository(kind, name)
        commit, files = repository.at(revision or "main")
        listed = [{"rfilename": path} for path in sorted(files)]
        gated = "manual" if repository.gated else False
        self.send(200, {"id": name, "sha": commit, "tags": [], "siblings": listed, "gated": gated, "private": False})

    def tree(self, kind: str, name: str, revision: str, inside: str | None) -> None:
        commit, files = self.repository(kind, name).at(revision)
        start = f"{inside}/" if inside else ""
        below = {path: content for path, content in files.items() if path.startswith(start)}
        if inside and not below:
            raise Refused(404, f"{inside} does not exist", "EntryNotFound")
        query = parse_qs(urlsplit(self.path).query)
        recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        flat = {path for path in below if "/" not in path.removeprefix(start)}
        folders = {start + path.removeprefix(start).split("/")[0] for path in below} - flat
        listed = [entry(path, below[path]) for path in sorted(below if recursive else flat)]
        listed += [{"type": "directory", "oid": blob(path.encode()), "size": 0, "path": path} for path in folders]
        if query.get("expand", ["false"])[0].lower() in ("true", "1"):
            last = {"id": commit, "title": "Add", "date": "2025-01-01T00:00:00.000Z"}
            listed = [found | {"lastCommit": last} for found in listed]
        self.send(200, listed)

    def paths(self, kind: str, name: str, revision: str) -> None:
        _, files = self.repository(kind, name).at(revision)
        is_json = "json" in self.headers.get("Content-Type", "")
        asked = json.loads(self.body)["paths"] if is_json else parse_qs(self.body.decode()).get("paths", [])
        self.send(200, [entry(path, files[path]) for path in asked if path in files])

    def file(self, kind: str | None, name: str, revision: str, path: str) -> None:
        repository = self.repository(kind, name)
        if repository.gated and not (self.account and self.account.reads_gated):
            words = f"Access to {name} is restricted. Your request to access it is awaiting a review."
            raise Refused(403 if self.account else 401, words, "GatedRepo")
        commit, files = repository.at(revision)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if path not in files:
            raise Refused(404, "Entry not found", "EntryNotFound", **headers)
        content = files[path]
        if not path.endswith(LARGE):
            self.send(200, content, {**headers, "ETag": f'"{blob(content)}"'})
            return
        headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        other_host = self.hub.url.replace("127.0.0.1", "localhost")
        where = f"{other_host}/large/{kind or 'models'}/{name}/{commit}/{quote(path)}"
        self.send(302, b"", {**headers, "Location": where})

    def large(self, kind: str, name: str, commit: str, path: str) -> None:
        content = self.hub.repositories[kind, name].commits[commit][path]
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first, headers = int(match[1]) if match else 0, {"ETag": f'"{sha256(content)}"'}
        if match:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        rest, cut = content[first:], self.command == "GET" and self.hub.takes_a_cut()
        self.close_connection = cut
        self.send(206 if match else 200, rest, headers, sent=len(rest) // 2 if cut else None)

    def create(self) -> None:
        asked = json.loads(self.body)
        account = self.writing(asked.get("organization"))
        name = f"{asked.get('organization') or account.user}/{asked['name']}"
        if ("models", name) in self.hub.repositories:
            raise Refused(409, "You already created this model repo")
        self.hub.add("models", name, {}, private=asked.get("visibility") == "private")
        self.send(200, {"url": f"{self.hub.url}/{name}", "name": name})

    def writing(self, owner: str | None) -> Account:
        """The account that asks to write under an owner's name."""
        if self.account is None:
            raise Refused(401, "Invalid username or password.")
        if not self.account.may_write:
            raise Refused(403, "Forbidden: this token may only read")
        if owner not in (None, self.account.user, *self.account.organizations):
            raise Refused(403, f"You don't have the rights to create a model under the namespace {owner!r}")
        return self.account

    def preupload(self, name: str) -> None:
        self.writing(name.split("/")[0])
        if not self.hub.takes_uploads:
            raise Refused(403, "Forbidden: the organization lets only its administrators write")
        files = json.loads(self.body)["files"]
        self.send(
            200, {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
        )

    def upload(self, name: str) -> None:
        self.writing(name.split("/")[0])
        repository = self.repository("models", name)
        lines = [json.loads(line) for line in self.body.splitlines()]
        new = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        commit = repository.commit({**repository.at("main")[1], **new})
        self.send(200, {"success": True, "commitOid": commit, "commitUrl": f"{self.hub.url}/{name}/commit/{commit}"})

    def send(self, status: int, body: Any, headers: dict[str, str] | None = None, sent: int | None = None) -> None:
        """Answers; ``sent`` is how much of the body really comes before the connection is cut."""
        self.hub.requests.append((self.command, self.path, status))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if isinstance(body, bytes) else {"Content-Type": "application/json"}
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])

    log_message = staticmethod(lambda *_: None)


_KIND, _NAME, _PART = "(models|datasets)", "([^/]+/[^/]+)", "([^/]+)"
ROUTES: list[tuple[str, Callable]] = [
    ("/", Handler.home),
    ("/api/whoami-v2", Handler.whoami),
    ("/api/validate-yaml", Handler.home),
    ("/api/repos/create", Handler.create),
    (f"/large/{_KIND}/{_NAME}/{_PART}/(.+)", Handler.large),
    (f"/api/{_KIND}/{_NAME}(?:/revision/{_PART})?", Handler.information),
    (f"/api/{_KIND}/{_NAME}/tree/{_PART}(?:/(.+))?", Handler.tree),
    (f"/api/{_KIND}/{_NAME}/paths-info/{_PART}", Handler.paths),
    (f"/api/models/{_NAME}/preupload/main", Handler.preupload),
    (f"/api/models/{_NAME}/commit/main", Handler.upload),
    (f"/(?:(datasets)/)?{_NAME}/resolve/{_PART}/(.+)", Handler.file),
]
