"""Getting weights from addresses, the hub and local places, against a server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from pathlib import Path

import pytest

from imlbench.errors import UserError
from imlbench.weights import incoming as incoming_module
from imlbench.weights.entries import KnownFile, Source, WeightFile
from imlbench.weights.fetching import allowed
from imlbench.weights.getting import get

DATA = bytes(range(256)) * 4000
SHA = hashlib.sha256(DATA).hexdigest()
OTHER = b"x" * len(DATA)
MOVED = {"moved": "/good/w.pth", "away": "http://example.invalid/w.pth", "loop": "/loop/w.pth"}


class Server(http.server.ThreadingHTTPServer):
    """Answers of a server that is wrong in every way asked for."""

    daemon_threads = True
    asked: list[str]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        self.server.asked.append(f"{self.command} {self.path}")
        kind = self.path.split("/")[1]
        if kind == "missing" or "absent" in self.path:
            self.send_error(404)
        elif kind in MOVED:
            self.start(302, {"Location": MOVED[kind], "Content-Length": "0"})
        elif kind == "garbage":
            self.wfile.write(b"not http at all\r\n\r\n")
        else:
            self.content(kind, body)

    def content(self, kind, body):
        data = {"other": OTHER, "long": DATA + b"more", "endless": DATA + b"more", "short": DATA[:-5]}.get(kind, DATA)
        headers = {"Content-Length": str(len(data)), "ETag": f'"{SHA}"', "X-Repo-Commit": "c" * 40}
        if kind == "endless":
            del headers["Content-Length"]
        self.start(200, headers)
        if body:
            self.wfile.write(data[: len(data) // 2] if kind == "broken" else data)

    def start(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "IMLBENCH_WEIGHTS", "IMLBENCH_TOY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")


def address(server, path):
    return f"http://127.0.0.1:{server.server_port}/{path}"


def toy(server=None, kind="good", known=True, source=Source.URL, names=("w.pth",)):
    size, sha = (len(DATA), SHA) if known else (None, None)
    url = address(server, f"{kind}/w.pth") if server else ""
    return WeightFile(
        name="toy",
        title="Toy",
        licence="MIT",
        licence_url="",
        source=source,
        origin=f"{kind}/repository",
        revision="c" * 40,
        files=tuple(KnownFile(name, size, sha, url) for name in names),
        needed_by=("nothing",),
        how="train them",
    )


def left(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) if root.exists() else []


def refused(entry, root, source=None):
    with pytest.raises(UserError) as caught:
        get(entry, source, root)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("weights toy: ")
    return message


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    seen = []
    (one,) = get(toy(server), None, tmp_path / "root", lambda *told: seen.append(told))
    assert one.path == tmp_path / "root" / "toy" / "w.pth"
    assert one.path.read_bytes() == DATA
    assert (one.sha256, one.size, one.fetched, one.pinned) == (SHA, len(DATA), True, False)
    assert seen[0] == ("w.pth", 0, len(DATA))
    assert seen[-1] == ("w.pth", len(DATA), len(DATA))
    (again,) = get(toy(server), None, tmp_path / "root")
    assert not again.fetched
    assert server.asked == ["GET /good/w.pth"]


def test_a_redirection_is_followed(server, tmp_path):
    (one,) = get(toy(server, "moved"), None, tmp_path)
    assert one.sha256 == SHA


@pytest.mark.parametrize(
    ("kind", "known", "said"),
    [
        ("other", True, f"expected SHA-256 {SHA} (published), found"),
        ("long", True, "announces 1,024,004"),
        ("endless", True, "the source sends more"),
        ("short", True, "announces 1,023,995"),
        ("broken", True, "the connection ended after 512,000 of 1,024,000 bytes"),
        ("broken", False, "the connection ended after 512,000 of 1,024,000 bytes"),
        ("missing", True, "the server answers 404"),
        ("away", True, "expected an https address"),
        ("loop", True, "redirect"),
        ("garbage", True, "the download failed"),
    ],
)
def test_what_goes_wrong_leaves_nothing_behind(server, tmp_path, kind, known, said):
    assert said in refused(toy(server, kind, known), tmp_path / "root")
    assert left(tmp_path / "root") == []
    assert not (tmp_path / "root" / "toy").exists()


def test_a_wrong_download_does_not_replace_what_was_there(server, tmp_path):
    place = tmp_path / "toy" / "w.pth"
    place.parent.mkdir()
    place.write_bytes(b"old")
    refused(toy(server, "other"), tmp_path)
    assert place.read_bytes() == b"old"
    (one,) = get(toy(server), None, tmp_path)
    assert place.read_bytes() == DATA
    assert one.fetched


def test_a_file_of_unknown_size_is_bounded(server, tmp_path, monkeypatch):
    monkeypatch.setattr(incoming_module, "MAX_BYTES", 1000)
    assert "at most 1,000 are taken" in refused(toy(server, known=False), tmp_path)
    assert "expected at most 1,000 bytes" in refused(toy(server, "endless", known=False), tmp_path)
    assert left(tmp_path) == []


def test_an_interruption_leaves_nothing_behind(server, tmp_path):
    def interrupt(name, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(toy(server), None, tmp_path, interrupt)
    assert left(tmp_path) == []


def test_no_server_is_one_line(server, tmp_path):
    entry = toy(server)
    server.server_close()
    server.shutdown()
    assert "the download failed" in refused(entry, tmp_path)


@pytest.mark.parametrize("url", ["http://example.org/w.pth", "ftp://h/w", "file:///etc/passwd", "", "w.pth"])
def test_only_https_is_fetched(url):
    with pytest.raises(UserError, match="expected an https address"):
        allowed(url, "toy")


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize("source", [Source.URL, Source.HUB])
def test_offline_nothing_is_asked(server, tmp_path, monkeypatch, name, source):
    monkeypatch.setenv(name, "1")
    assert f"{name} is set" in refused(toy(server, source=source), tmp_path)
    assert server.asked == []
    assert left(tmp_path) == []


def test_a_folder_in_the_way_is_told(server, tmp_path):
    (tmp_path / "toy" / "w.pth").mkdir(parents=True)
    assert "a folder is in the way" in refused(toy(server), tmp_path)


def test_too_little_space_is_told_before_anything_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10})())
    assert "10 free" in refused(toy(server), tmp_path)
    assert server.asked == []


def test_an_unknown_hash_is_recorded_once_and_then_held_against(server, tmp_path):
    (one,) = get(toy(server, known=False), None, tmp_path)
    assert one.pinned
    record = json.loads((tmp_path / "toy" / "pinned.json").read_text())["w.pth"]
    assert (record["sha256"], record["size"]) == (SHA, len(DATA))
    (again,) = get(toy(server, known=False), None, tmp_path)
    assert (again.fetched, again.pinned) == (False, False)
    one.path.unlink()
    assert "recorded at the first get" in refused(toy(server, "other", known=False), tmp_path)
    (back,) = get(toy(server, known=False), None, tmp_path)
    assert (back.fetched, back.pinned) == (True, False)


def test_a_damaged_record_is_not_passed_over(server, tmp_path):
    get(toy(server, known=False), None, tmp_path)
    (tmp_path / "toy" / "pinned.json").write_text("{")
    with pytest.raises(UserError, match="not a record of hashes"):
        get(toy(server, known=False), None, tmp_path)


class TestLocal:
    def test_from_a_folder_offline(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        source = tmp_path / "source"
        source.mkdir()
        for name in ("a.pth", "b.pth"):
            (source / name).write_bytes(DATA)
        gained = get(toy(source=Source.HUB, names=("a.pth", "b.pth")), source, tmp_path / "root")
        assert [one.path.name for one in gained] == ["a.pth", "b.pth"]
        assert all(one.path.read_bytes() == DATA for one in gained)

    def test_from_a_file_under_another_name(self, tmp_path):
        (tmp_path / "mine.pth").write_bytes(DATA)
        (one,) = get(toy(), tmp_path / "mine.pth", tmp_path / "root")
        assert one.path == tmp_path / "root" / "toy" / "w.pth"

    def test_what_cannot_be_taken(self, tmp_path):
        root = tmp_path / "root"
        file = tmp_path / "w.pth"
        file.write_bytes(OTHER)
        assert "(published), found" in refused(toy(), root, file)
        file.write_bytes(DATA[:9])
        assert "announces 9" in refused(toy(), root, file)
        assert "expected a folder with a.pth, b.pth" in refused(toy(names=("a.pth", "b.pth")), root, file)
        (tmp_path / "folder" / "w.pth").mkdir(parents=True)
        assert "lacks w.pth" in refused(toy(), root, tmp_path / "folder")
        assert "no such file or folder" in refused(toy(), root, tmp_path / "none")
        (tmp_path / "w.txt").write_bytes(DATA)
        assert "expected a .pth file" in refused(toy(), root, tmp_path / "w.txt")
        assert left(root) == []

    def test_what_users_train_themselves_can_be_replaced(self, tmp_path):
        own = toy(known=False, source=Source.OWN)
        file = tmp_path / "w.pth"
        for data in (DATA, OTHER):
            file.write_bytes(data)
            (one,) = get(own, file, tmp_path / "root")
            assert one.pinned
            assert one.path.read_bytes() == data
        (again,) = get(own, None, tmp_path / "root")
        assert not again.fetched
        again.path.unlink()
        assert refused(own, tmp_path / "root") == "weights toy: train them"


class TestHub:
    @pytest.fixture(autouse=True)
    def endpoint(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", address(server, "").rstrip("/"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        # The client looks at the variable once, when it is imported; its hub is the local server here.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def test_a_file_arrives(self, tmp_path):
        seen = []
        (one,) = get(toy(source=Source.HUB), None, tmp_path / "root", lambda *told: seen.append(told))
        assert one.path.read_bytes() == DATA
        assert one.fetched
        assert seen[-1] == ("w.pth", len(DATA), len(DATA))
        assert left(tmp_path / "root") == ["toy/w.pth", "verified.json"]

    @pytest.mark.parametrize(
        ("kind", "said"), [("other", "(published), found"), ("absent", "cannot be downloaded"), ("short", "announces")]
    )
    def test_what_goes_wrong_leaves_nothing_behind(self, tmp_path, kind, said):
        assert said in refused(toy(kind=kind, source=Source.HUB), tmp_path / "root")
        assert left(tmp_path / "root") == []


def test_the_catalogue_names_no_insecure_address():
    from imlbench.weights import catalogue

    for entry in catalogue().values():
        for file in entry.files:
            assert file.url.startswith("https://") == (entry.source is Source.URL)
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
            assert not Path(file.name).is_absolute()
        assert (len(entry.revision) == 40) == (entry.source is Source.HUB)
