"""A stand-in for the hub: what huggingface_hub asks of it when it pushes and fetches a model, over HTTP.

Two servers, because the hub stores large files under another address, which must never see an access token: the hub
itself, and the store. What is asked of either is kept.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of-a-test"
USER = "me"


@dataclass(frozen=True)
class Asked:
    """A request."""

    server: str
    method: str
    path: str
    token: str | None


@dataclass(frozen=True)
class Stored:
    """A file of a commit."""

    content: bytes
    large: bool

    @property
    def oid(self) -> str:
        """As git calls it; of a large file that of its content, which will do."""
        if self.large:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    private: bool
    commits: list[tuple[str, str, dict[str, Stored]]] = field(default_factory=list)
    """Each with its id, its message and all files."""

    def commit(self, message: str, files: dict[str, Stored]) -> str:
        oid = hashlib.sha1(f"{len(self.commits)} {message}".encode(), usedforsecurity=False).hexdigest()
        self.commits.append((oid, message, files))
        return oid

    @property
    def head(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, bytes]:
        """Those of the newest commit."""
        return {path: file.content for path, file in self.commits[-1][2].items()}

    def at(self, revision: str) -> tuple[str, dict[str, Stored]] | None:
        if revision == "main":
            return self.head, self.commits[-1][2]
        return next(((oid, files) for oid, _, files in self.commits if oid == revision), None)


class Hub:
    """What it has, what it was asked, and what it is to refuse."""

    def __init__(self) -> None:
        self.models: dict[str, Repository] = {}
        self.taken: set[str] = set()
        """Names of what is no model."""
        self.store: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.created: list[dict[str, Any]] = []
        self.refused: dict[tuple[str, str], int] = {}
        """(method, a part of the path) -> the status that it is answered with; 0 closes the connection."""
        self.endpoint = self.store_address = ""

    def add(self, name: str, files: dict[str, bytes] | None = None, *, private: bool = False) -> Repository:
        made = self.models[name] = Repository(private)
        made.commit("initial commit", {path: Stored(content, False) for path, content in (files or {}).items()})
        return made

    def count(self, method: str, part: str = "") -> int:
        return sum(each.method == method and part in each.path for each in self.asked)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]
    name: ClassVar[str]

    def log_message(self, *_: object) -> None:
        """Silent."""

    def answer(self, status: int, content: object = None, *, error: str = "", code: str = "", **headers: str) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content or {}).encode()
        self.send_response(status)
        headers = {"Content_Length": str(len(raw)), **headers}
        if error:
            headers["X_Error_Message"] = error
        if code:
            headers["X_Error_Code"] = code
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def begin(self) -> bytes | None:
        """Notes the request; its body, or None where it has been refused."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorization = self.headers.get("Authorization")
        self.hub.asked.append(Asked(self.name, self.command, unquote(urlsplit(self.path).path), authorization))
        for (method, part), status in self.hub.refused.items():
            if method == self.command and part in self.path:
                if status:
                    self.answer(status, error="the stand-in was told so")
                else:
                    self.close_connection = True
                return None
        return body


class StoreHandler(Handler):
    name = "store"

    def do_PUT(self) -> None:
        if (body := self.begin()) is not None:
            self.hub.store[self.path.rpartition("/")[2]] = body
            self.answer(200, ETag='"stored"')

    def do_GET(self) -> None:
        if self.begin() is not None:
            self.answer(200, self.hub.store[self.path.rpartition("/")[2]])


class HubHandler(Handler):
    name = "hub"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.begin() is None:
            return
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts == ["api", "whoami-v2"]:
            self.answer(200, {"type": "user", "name": USER}) if self.is_known() else self.answer(401)
        elif parts[:2] == ["api", "models"]:
            self.about("/".join(parts[2:4]), parts[4:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self.resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.answer(404)

    def do_POST(self) -> None:
        if (body := self.begin()) is None:
            return
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if not self.is_known():
            self.answer(401, error="Invalid credentials in Authorization header")
        elif parts == ["api", "repos", "create"]:
            self.create(json.loads(body))
        elif parts == ["api", "validate-yaml"]:
            self.answer(200, {"errors": [], "warnings": []})
        elif parts[:2] == ["api", "models"] and parts[4] == "preupload":
            self.preupload("/".join(parts[2:4]), json.loads(body))
        elif parts[:2] == ["api", "models"] and parts[4] == "commit":
            self.commit("/".join(parts[2:4]), body)
        elif parts[-3:] == ["info", "lfs", "objects"] or parts[-2:] == ["objects", "batch"]:
            self.batch(json.loads(body))
        else:
            self.answer(404)

    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def model(self, name: str) -> Repository | None:
        """The model, where who asks may see it; else it has been answered."""
        found = self.hub.models.get(name)
        if found is None or (found.private and not self.is_known()):
            self.answer(404 if self.is_known() else 401, error="Repository not found", code="RepoNotFound")
            return None
        return found

    def create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization'] or USER}/{asked['name']}"
        self.hub.created.append(asked)
        if name in self.hub.models or name in self.hub.taken:
            self.answer(409, {"url": f"{self.hub.endpoint}/{name}"}, error="You already created this repo")
        elif not name.startswith(f"{USER}/"):
            self.answer(403, error="You don't have the rights to create a model under this namespace")
        else:
            made = self.hub.add(name, {".gitattributes": b""}, private=asked.get("visibility") == "private")
            made.private |= bool(asked.get("private"))  # as huggingface_hub 1 says it
            self.answer(200, {"url": f"{self.hub.endpoint}/{name}"})

    def about(self, name: str, rest: list[str]) -> None:
        """Of a model or one of its revisions, or the tree of that."""
        if (found := self.model(name)) is None:
            return
        known = found.at("/".join(rest[1:2]) if rest else "main")
        if known is None:
            self.answer(404, error="Invalid rev id", code="RevisionNotFound")
            return
        oid, files = known
        if rest[:1] == ["tree"]:
            self.answer(200, [
                {"type": "file", "path": path, "size": len(file.content), "oid": file.oid}
                | ({"lfs": {"size": len(file.content), "oid": file.oid, "pointerSize": 134}} if file.large else {})
                for path, file in files.items()
            ])  # fmt: skip
            return
        card = files["README.md"].content.decode() if "README.md" in files else ""
        told: dict[str, Any] = {"id": name, "sha": oid, "private": found.private, "tags": []}
        told["siblings"] = [{"rfilename": path} for path in files]
        if licence := re.search("^license: (.*)$", card, re.MULTILINE):
            told["cardData"] = {"license": licence[1]}
        self.answer(200, told)

    def resolve(self, name: str, revision: str, path: str) -> None:
        if (found := self.model(name)) is None:
            return
        known = found.at(revision)
        if known is None or path not in known[1]:
            code = "RevisionNotFound" if known is None else "EntryNotFound"
            self.answer(404, error="not found", code=code)
            return
        file = known[1][path]
        told = {"ETag": f'"{file.oid}"', "X_Repo_Commit": known[0]}
        if file.large:
            told |= {"X_Linked_Size": str(len(file.content)), "X_Linked_Etag": f'"{file.oid}"'}
            self.answer(302, b"", Location=f"{self.hub.store_address}/{file.oid}", **told)
        elif self.command == "HEAD":
            self.answer(200, b"", Content_Length=str(len(file.content)), **told)
        else:
            self.answer(200, file.content, **told)

    def preupload(self, name: str, asked: dict[str, Any]) -> None:
        if (found := self.model(name)) is None:
            return
        there = found.commits[-1][2]
        self.answer(200, {
            "files": [
                {
                    "path": each["path"], "shouldIgnore": False,
                    "uploadMode": "lfs" if each["path"].endswith((".safetensors", ".onnx")) else "regular",
                    "oid": there[each["path"]].oid if each["path"] in there else None,
                }
                for each in asked["files"]
            ]
        })  # fmt: skip

    def batch(self, asked: dict[str, Any]) -> None:
        """Where to store large files; nowhere for those that are stored."""
        self.answer(200, {
            "transfer": "basic",
            "objects": [
                each | ({} if each["oid"] in self.hub.store else
                        {"actions": {"upload": {"href": f"{self.hub.store_address}/{each['oid']}"}}})
                for each in asked["objects"]
            ],
        }, Content_Type="application/vnd.git-lfs+json")  # fmt: skip

    def commit(self, name: str, body: bytes) -> None:
        if (found := self.model(name)) is None:
            return
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", found.head) != found.head:
            self.answer(412, error="A commit has happened since")
            return
        files = dict(found.commits[-1][2])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "lfsFile":
                files[value["path"]] = Stored(self.hub.store[value["oid"]], True)
            elif line["key"] == "file":
                files[value["path"]] = Stored(base64.b64decode(value["content"]), False)
            else:
                self.answer(400, error=f"a push has no {line['key']}")
                return
        oid = found.commit(header["summary"], files)
        self.answer(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{oid}"})


@contextmanager
def running() -> Iterator[Hub]:
    """The two servers, on free ports."""
    hub = Hub()
    threads, servers = [], []
    for kind in (HubHandler, StoreHandler):
        handler = type(kind.__name__, (kind,), {"hub": hub})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        servers.append(server)
        threads.append(threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}))
        threads[-1].start()
    hub.endpoint, hub.store_address = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
