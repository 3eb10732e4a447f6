"""The JSON-lines protocol with honest, crashing, hanging and lying children, each a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from detectors.external.known import External, Mtcl
from detectors.external.protocol import Answer, LyingChildError, Request, answer_of, read_map
from detectors.external.settings import ExternalSettings, settings_of
from imlbench.adapters import Picture
from imlbench.errors import SampleError, UserError
from imlbench.registry import Entry
from tests.detectors.making_networks import jpeg_of, jpeg_picture, pixels_of

HONEST = """
    import json, sys
    import numpy as np

    def map_of(request):
        from PIL import Image

        pixels = np.asarray(Image.open(request["image"]).convert("RGB"), np.float32)
        return pixels[..., 0] / 255

    def say(**values):
        print(json.dumps({"imlbench": 1, **values}), flush=True)

    def answer(request):
        np.save(request["map"], map_of(request))
        say(id=request["id"], score=0.25)

    def serve():
        print("loading weights", flush=True)
        say(ready=True)
        for line in sys.stdin:
            answer(json.loads(line))
"""


@pytest.fixture
def make(tmp_path):
    made = []

    def build(body="", start=30.0, picture=30.0):
        script = tmp_path / f"child{len(made)}.py"
        script.write_text(textwrap.dedent(HONEST) + "\n" + textwrap.dedent(body) + "\nserve()\n")
        settings = ExternalSettings((sys.executable, str(script)), "", "", start, picture)
        made.append(External(settings=settings))
        return made[-1]

    yield build
    for detector in made:
        detector.close()


def pictures(*heights):
    return [Picture(f"p{height}", pixels_of(height, 20)) for height in heights]


class TestHonest:
    def test_maps_and_scores_of_a_batch(self, make):
        asked = pictures(9, 10, 11)
        found = make().detect(asked)
        for picture, detection in zip(asked, found, strict=True):
            assert detection.score_map.dtype == np.float32
            np.testing.assert_allclose(detection.score_map, picture.pixels[..., 0] / np.float32(255))
            assert detection.image_score == 0.25

    def test_one_process_serves_many_batches(self, make):
        detector = make()
        detector.detect(pictures(9))
        first = detector.child.process.pid
        detector.detect(pictures(10, 11))
        assert detector.child.process.pid == first

    def test_more_pictures_than_are_asked_for_at_once(self, make):
        assert len(make().detect(pictures(*range(4, 40)))) == 36

    def test_answers_in_another_order(self, make):
        body = """
            def serve():
                for request in [json.loads(sys.stdin.readline()) for _ in range(3)][::-1]:
                    answer(request)
                sys.stdin.read()
        """
        asked = pictures(9, 10, 11)
        assert [one.score_map.shape for one in make(body).detect(asked)] == [(9, 20), (10, 20), (11, 20)]

    def test_the_child_is_given_the_file_itself(self, make):
        body = """
            def map_of(request):
                head = open(request["image"], "rb").read(2)
                return np.full((request["height"], request["width"]), float(head == b"\\xff\\xd8"), np.float32)
        """
        detector = make(body)
        assert detector.detect([jpeg_picture()])[0].score_map.min() == 1
        turned = Picture("turned", pixels_of(8, 8), jpeg_of(pixels_of(8, 8)), "JPEG", orientation=6)
        assert detector.detect([turned])[0].score_map.max() == 0

    def test_bytes_as_levels(self, make):
        body = """
            def map_of(request):
                return np.full((request["height"], request["width"]), 7, np.uint8)
        """
        (found,) = make(body).detect(pictures(9))
        assert found.score_map.dtype == np.uint8
        assert found.score_map.max() == 7

    def test_nothing_is_left_behind(self, make):
        detector = make()
        detector.detect(pictures(9, 10))
        assert os.listdir(detector._folder) == []

    def test_the_process_ends_with_the_detector(self, make):
        detector = make()
        detector.detect(pictures(9))
        process = detector.child.process
        detector.close()
        assert process.poll() is not None


class TestCrashing:
    CRASH = """
        def answer(request, honest=answer):
            if request["height"] == 13:
                print("CUDA error: unspecified", file=sys.stderr, flush=True)
                import os
                os._exit(3)
            honest(request)
    """

    def test_only_the_picture_at_fault_fails_and_says_why(self, make):
        detector = make(self.CRASH)
        asked = pictures(9, 13, 11)
        with pytest.raises(SampleError, match="ended with code 3; it printed last: CUDA error: unspecified"):
            detector.detect(asked)
        assert detector.detect(asked[:1])[0].score_map.shape == (9, 20)
        with pytest.raises(SampleError, match="code 3"):
            detector.detect(asked[1:2])

    def test_a_batch_that_failed_is_not_computed_again(self, make, tmp_path):
        log = tmp_path / "log"
        body = f"""
            def map_of(request, honest=map_of):
                with open({str(log)!r}, "a") as file:
                    file.write(str(request["height"]) + " ")
                return honest(request)
        """
        detector = make(textwrap.dedent(self.CRASH) + textwrap.dedent(body))
        asked = pictures(9, 13, 11)
        with pytest.raises(SampleError):
            detector.detect(asked)
        before = log.read_text()
        with pytest.raises(SampleError):
            detector.detect(asked)
        assert log.read_text() == before

    def test_a_new_process_goes_on_with_the_others(self, make):
        detector = make(self.CRASH)
        with pytest.raises(SampleError):
            detector.detect(pictures(13))
        assert len(detector.detect(pictures(9, 10))) == 2

    def test_a_command_that_never_answers_is_given_up(self, make):
        detector = make("def serve():\n    raise SystemExit('no module named torch')")
        with pytest.raises((SampleError, UserError), match="no module named torch"):
            detector.detect(pictures(9))
        with pytest.raises(UserError, match=r"in a row without an answer: .*no module named torch"):
            detector.detect(pictures(10))

    def test_killed_by_a_signal(self, make):
        body = """
            def answer(request):
                import os, signal
                os.kill(os.getpid(), signal.SIGSEGV)
        """
        with pytest.raises(SampleError, match="killed by SIGSEGV"):
            make(body).detect(pictures(9))

    def test_a_command_that_is_none(self):
        with pytest.raises(UserError, match=r"cannot be started \(No such file"):
            External(settings=ExternalSettings(("/nowhere/python", "x.py"))).detect(pictures(9))


class TestHanging:
    HANG = """
        import time

        def answer(request, honest=answer):
            if request["height"] == 13:
                for _ in range(600):
                    print("still at it", flush=True)
                    time.sleep(0.1)
            honest(request)
    """

    def test_a_hang_ends_in_time_however_much_is_printed(self, make):
        detector = make(self.HANG, picture=0.7)
        with pytest.raises(SampleError, match=r"no answer within 0\.7 seconds"):
            detector.detect(pictures(9, 13))
        assert detector.child is None
        assert detector.detect(pictures(9))[0].score_map.shape == (9, 20)

    def test_what_the_process_started_is_ended_too(self, make, tmp_path):
        place = tmp_path / "pid"
        body = f"""
            import subprocess, time

            def answer(request):
                child = subprocess.Popen(["sleep", "60"])
                open({str(place)!r}, "w").write(str(child.pid))
                time.sleep(60)
        """
        with pytest.raises(SampleError):
            make(body, picture=4.0).detect(pictures(9))
        state = Path(f"/proc/{place.read_text()}/stat")
        # Gone, or dead and not yet waited for by whoever inherits it.
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


LIES = {
    "size": ("np.zeros((3, 4), np.float32)", "expected a map of 9 x 20, found 3 x 4"),
    "nan": ("np.full((9, 20), np.nan, np.float32)", r"expected a map in \[0, 1\]"),
    "range": ("np.full((9, 20), 255.0, np.float32)", r"expected a map in \[0, 1\], found 255 to 255"),
    "type": ("np.zeros((9, 20), np.int64)", "expected a map of float32, float64 or uint8, found int64"),
    "objects": ("np.full((9, 20), None, object)", "expected a NumPy file of numbers"),
    "huge": ("np.zeros((3000, 2000), np.float64)", "expected a map of at most"),
}


class TestLying:
    @pytest.mark.parametrize("lie", LIES)
    def test_a_map_that_is_none_is_refused(self, make, lie):
        value, told = LIES[lie]
        body = f"def answer(request):\n    np.save(request['map'], {value})\n    say(id=request['id'])"
        detector = make(body)
        with pytest.raises(SampleError, match=told):
            detector.detect(pictures(9))
        # It lies about this picture; it need not be started again.
        assert detector.child is not None

    def test_an_answer_without_a_map(self, make):
        with pytest.raises(SampleError, match="left no map"):
            make("def answer(request):\n    say(id=request['id'])").detect(pictures(9))

    def test_a_map_that_is_a_link_to_another_file(self, make, tmp_path):
        np.save(tmp_path / "other.npy", np.zeros((9, 20), np.float32))
        body = f"""
            def answer(request):
                import os
                os.symlink({str(tmp_path / "other.npy")!r}, request["map"])
                say(id=request["id"])
        """
        with pytest.raises(SampleError, match="left no map"):
            make(body).detect(pictures(9))

    def test_an_answer_to_what_nobody_asked(self, make):
        with pytest.raises(SampleError, match="'77', which it was not asked for"):
            make("def answer(request):\n    say(id='77')").detect(pictures(9))

    def test_the_same_answer_twice_costs_the_process_and_no_picture(self, make):
        body = """
            def answer(request, honest=answer):
                honest(request)
                honest(request)
        """
        detector = make(body)
        assert [one.score_map.shape for one in detector.detect(pictures(9, 10))] == [(9, 20), (10, 20)]
        # The one too many is heard at the next picture, which another process answers.
        assert detector.detect(pictures(11))[0].score_map.shape == (11, 20)

    def test_a_score_that_is_none(self, make):
        body = """
            def answer(request):
                np.save(request["map"], map_of(request))
                say(id=request["id"], score=7)
        """
        with pytest.raises(SampleError, match=r"expected a score in \[0, 1\], found 7"):
            make(body).detect(pictures(9))

    def test_an_error_that_it_admits(self, make):
        with pytest.raises(SampleError, match="out of memory"):
            make("def answer(request):\n    say(id=request['id'], error='out of memory')").detect(pictures(9))


class TestLines:
    @pytest.mark.parametrize(
        "line", [b"", b"loading\n", b"{}", b'{"a": 1}', b"{" * 5000, b"[1]", b'{"imlbench"', b"\xff{"]
    )
    def test_what_is_printed_besides_is_no_answer(self, line):
        assert answer_of(line) is None

    def test_answers(self):
        assert answer_of(b'{"imlbench": 1, "id": "4", "score": null}') == Answer("4")
        assert answer_of(b' {"imlbench": 1, "id": "4", "error": "no\\nmemory"}\n') == Answer("4", None, "no memory")
        assert answer_of(b'{"imlbench": 1, "ready": true}') == Answer("")

    @pytest.mark.parametrize("line", [b'{"imlbench": 2, "id": "1"}', b'{"imlbench": 1}', b'{"imlbench": 1, "id": 3}'])
    def test_broken_answers(self, line):
        with pytest.raises(LyingChildError):
            answer_of(line)

    def test_a_request_is_one_line(self):
        line = Request("1", "/a b/1\n.jpg", "/m.npy", 3, 4).line()
        assert line.count(b"\n") == 1
        assert json.loads(line)["image"] == "/a b/1\n.jpg"

    def test_a_truncated_map(self, tmp_path):
        np.save(tmp_path / "m.npy", np.zeros((9, 20), np.float32))
        whole = (tmp_path / "m.npy").read_bytes()
        for length in (0, 5, 60, len(whole) - 1):
            (tmp_path / "m.npy").write_bytes(whole[:length])
            with pytest.raises(LyingChildError):
                read_map(Request("1", "", str(tmp_path / "m.npy"), 9, 20))


class TestSettings:
    def test_without_a_command_the_row_stays_open(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("IMLBENCH_MTCL_COMMAND", raising=False)
        assert Mtcl.missing() == (
            "mtcl: needs a checkout: IMLBENCH_MTCL_COMMAND names the command that runs it (docs/detectors.md)"
        )
        with pytest.raises(UserError, match="IMLBENCH_MTCL_COMMAND"):
            Mtcl()

    def test_the_environment_and_the_config_file(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        Path("imlbench.toml").write_text("[detectors]\nmtcl_command = \"python 'a b.py'\"\nmtcl_seconds = 3\n")
        assert settings_of("mtcl") == ExternalSettings(("python", "a b.py"), "", "", 300.0, 3.0)
        monkeypatch.setenv("IMLBENCH_MTCL_COMMAND", "other")
        monkeypatch.setenv("IMLBENCH_MTCL_START_SECONDS", "7")
        assert settings_of("mtcl") == ExternalSettings(("other",), "", "", 7.0, 3.0)

    @pytest.mark.parametrize("value", ["soon", "-1", "0", "nan", "inf"])
    def test_seconds_that_are_none(self, monkeypatch, tmp_path, value):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("IMLBENCH_MTCL_SECONDS", value)
        with pytest.raises(UserError, match="IMLBENCH_MTCL_SECONDS: expected seconds above 0"):
            settings_of("mtcl")

    def test_other_commands_and_other_weights_are_other_runs(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "weights"))
        plain = Mtcl.card
        assert plain.version == "1"
        monkeypatch.setenv("IMLBENCH_MTCL_COMMAND", "python a.py")
        first = Mtcl.card.version
        monkeypatch.setenv("IMLBENCH_MTCL_COMMAND", "python b.py")
        assert len({plain.version, first, Mtcl.card.version}) == 3
        (tmp_path / "w.pth").write_bytes(b"weights")
        monkeypatch.setenv("IMLBENCH_MTCL_WEIGHTS", str(tmp_path / "w.pth"))
        assert [weight.name for weight in Mtcl.card.weights] == ["w.pth"]

    def test_listing_imports_nothing_heavy(self):
        code = (
            "import sys; from detectors.external.known import Mtcl; Mtcl.card; Mtcl.missing();"
            "print([name for name in ('torch', 'numpy', 'cv2') if name in sys.modules])"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == "[]"
        assert Entry("detectors", "mtcl", "detectors.external.known:Mtcl", "imlbench").load() is Mtcl
