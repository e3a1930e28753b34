"""The repositories of the Hub on loopback, with their commits, and who may read and write them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

LARGE = (".safetensors", ".bin", ".parquet", ".gguf")  # what the Hub keeps apart from git


class Refused(Exception):
    """A request that is answered with an error, as the Hub words it.

    Args:
        status: of HTTP.
        words: of the Hub.
        code: by which the Hub's libraries tell errors apart.
    """

    def __init__(self, status: int, words: str, code: str | None = None, **headers: str):
        super().__init__(words)
        self.status, self.words = status, words
        self.headers = {"X-Error-Message": words, **({"X-Error-Code": code} if code else {}), **headers}


@dataclass(frozen=True)
class Account:
    """Whose a token is, and what it may do."""

    user: str
    may_write: bool = False
    reads_gated: bool = False
    expired: bool = False
    organizations: tuple[str, ...] = ()


@dataclass
class Repository:
    """Files by commit, and the commits that branches and tags stand at."""

    name: str
    gated: bool = False
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], revision: str = "main") -> str:
        """Adds a commit that holds just these files, and lets a branch or tag stand at it."""
        digest = hashlib.sha1(f"{self.name} {len(self.commits)}".encode())
        for path, content in sorted(files.items()):
            digest.update(path.encode() + b"\0" + content)
        self.commits[digest.hexdigest()] = dict(files)
        self.revisions[revision] = digest.hexdigest()
        return digest.hexdigest()

    def at(self, revision: str) -> tuple[str, dict[str, bytes]]:
        """The commit of a branch, a tag or a commit, and its files."""
        commit = self.revisions.get(revision, revision)
        if commit not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit, self.commits[commit]


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder, as a commit takes them."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob(content: bytes) -> str:
    """Git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(path: str, content: bytes) -> dict:
    """A file as the Hub lists it."""
    found = {"type": "file", "oid": blob(content), "size": len(content), "path": path}
    if path.endswith(LARGE):
        found["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 130}
    return found
