"""Every route: what it answers, and how it refuses."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.unit.server.made import FAILS, Known, PanicError, client, known, pairs_too, score, started
from whet.labels import LabelSet
from whet.prediction.documents import prediction_document
from whet.prediction.predictor import Predictor
from whet.records import Usage
from whet.server.app import Queued, _explained, _unless_gone, build
from whet.server.bodies import Asked
from whet.server.front import LOOPBACK, SAFE, Door, Front
from whet.server.limits import Limits
from whet.server.refusals import STATUS, Refusal

SEVERAL = LabelSet(("a", "b", "c"), None, "", "several")
VALUE = LabelSet(("stars",), None, "", "value")
TOKEN = "a-token-of-many-letters"


def against(
    work: Callable[[httpx.AsyncClient], Awaitable[Any]], model: Known | None = None, limits: Limits | None = None,
    **more: Any,
) -> Any:  # fmt: skip
    async def run() -> Any:
        async with client(model or Known(), limits, **more) as made:
            return await work(made)

    return asyncio.run(run())


def predict(
    document: object, model: Known | None = None, limits: Limits | None = None, headers: dict[str, str] | None = None,
    **more: Any,
) -> httpx.Response:  # fmt: skip
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = {"Content-Type": "application/json"} | (headers or {})

    async def work(made: httpx.AsyncClient) -> httpx.Response:
        return await made.post("/predict", content=body, headers=given)

    found: httpx.Response = against(work, model, limits, **more)
    return found


def get(path: str, method: str = "GET", model: Known | None = None, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})

    async def work(made: httpx.AsyncClient) -> httpx.Response:
        return await made.request(method, path, headers=headers)

    found: httpx.Response = against(work, model, **more)
    return found


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which is one in all its parts."""
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"]
    assert STATUS[error["code"]] == answer.status_code
    return answer.status_code, error["code"]


# ---------------------------------------------------------------- answers


def test_one_text_gets_the_document_that_the_command_line_writes() -> None:
    model = Known()
    answer = predict({"text": "a text"}, model)
    assert answer.status_code == 200
    assert answer.json() == prediction_document(Predictor(model).predict(["a text"])[0])
    assert answer.json()["probabilities"]["pos"] == pytest.approx(score("a text"))


def test_many_texts_get_theirs_in_order() -> None:
    texts = [f"text {i}" for i in range(64)]
    found = predict({"texts": texts}).json()["predictions"]
    assert [each["text"] for each in found] == texts
    assert [each["probabilities"]["pos"] for each in found] == pytest.approx([score(text) for text in texts])


def test_pairs_are_asked_by_two_texts() -> None:
    model = Known(usage=pairs_too())
    one = predict({"text": "a", "text2": "b"}, model).json()
    assert (one["text"], one["text2"]) == ("a", "b")
    assert one["probabilities"]["pos"] == pytest.approx(score("a", "b"))
    many = predict({"texts": ["a", "c"], "texts2": ["b", "d"]}, model).json()["predictions"]
    assert [each["probabilities"]["pos"] for each in many] == pytest.approx([score("a", "b"), score("c", "d")])
    assert code(predict({"text": "a"}, model)) == (422, "invalid")
    assert code(predict({"texts": ["a", "b"], "texts2": ["c"]}, model)) == (422, "invalid")
    assert code(predict({"text": "a", "text2": "b"})) == (422, "invalid")  # a model of single texts


def test_every_task_has_its_own_document() -> None:
    several = predict({"text": "x"}, Known(SEVERAL, Usage(thresholds=dict.fromkeys("abc", 0.5)))).json()
    assert (several["labels"], set(several["probabilities"])) == ([*"abc"] if known("x") > 0 else ["a"], {*"abc"})
    value = predict({"text": "x"}, Known(VALUE)).json()
    assert set(value) == {"text", "value", "truncated"}


def test_below_the_confidence_that_is_asked_for_the_label_is_null() -> None:
    texts = [f"text {i}" for i in range(20)]
    found = predict({"texts": texts}, min_confidence=0.9).json()["predictions"]
    assert [each["label"] is None for each in found] == [max(score(t), 1 - score(t)) < 0.9 for t in texts]
    assert {each["label"] is None for each in found} == {True, False}


def test_an_explanation_weighs_every_word() -> None:
    found = predict({"text": "three short words", "explain": True, "label": "pos"}).json()
    assert found["explained"] == "pos"
    assert [(word["start"], word["end"]) for word in found["words"]] == [(0, 5), (6, 11), (12, 17)]
    without = known("three short words") - known("short words")
    assert found["words"][0]["weight"] == pytest.approx(without)
    assert "logits" not in found


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\ud800", "\x00", "\u202eevil\u2066", "🦊" * 50, "e" + "\u0301" * 10_000, "<b>", "ㅋㅋㅋ"],
)
def test_any_text_is_answered(text: str) -> None:
    """S3, S5: lone surrogates, NUL, marks that turn the direction, and nothing at all."""
    answer = predict({"text": text})
    assert answer.status_code == 200
    assert json.loads(answer.content)["text"] == text


def test_a_long_text_is_answered_and_said_to_be_cut() -> None:
    """S7"""
    assert predict({"text": "a" * 200_000}).json()["truncated"] is True


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"text": ' + b"9" * 5_000 + b"}", b'{"text": "\x01"}', b"\xef\xbb\xbf{}",
     b'{"text": "a"} trailing', b"'text'"],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """S1"""
    assert code(predict(body)) == (400, "invalid_json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    """S2"""
    assert code(predict(f'{{"text": "a", "explain": {number}}}'.encode())) == (422, "not_finite")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "invalid"), ([], "invalid"), (None, "invalid"), ("text", "invalid"), ({"text": None}, "invalid"),
        ({"text": 1}, "invalid"), ({"text": ["a"]}, "invalid"), ({"texts": "a"}, "invalid"),
        ({"texts": ["a", None]}, "invalid"), ({"texts": {"0": "a"}}, "invalid"),
        ({"text": "a", "explain": 1}, "invalid"),
        ({"text": "a", "explain": "true"}, "invalid"), ({"texts": []}, "empty"), ({"textz": "a"}, "unknown_key"),
        ({"text": "a", "<script>": 1}, "unknown_key"), ({"text": "a", "texts": ["a"]}, "unknown_key"),
        ({"text": "a", "explain": True, "label": "<b>"}, "unknown_label"),
        ({"text": "a", "label": "pos"}, "unknown_label"),
        (b'{"text": "a", "text": "b"}', "duplicate_key"),
        (b'{"text": "a", "x": {"y": 1, "y": 2}}', "duplicate_key"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_place_and_not_repeated(document: object, expected: str) -> None:
    """S4"""
    answer = predict(document)
    assert code(answer) == (422, expected)
    assert "<" not in answer.text


def test_a_key_with_a_slip_is_told_the_nearest() -> None:
    assert "Did you mean 'text'?" in predict({"textt": "a"}).json()["error"]["message"]


def test_too_many_texts_are_refused() -> None:
    """S7"""
    assert code(predict({"texts": ["a"] * 65})) == (413, "too_many_texts")
    assert code(predict({"texts": ["a"] * 9, "explain": True})) == (413, "too_many_texts")


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    """S6"""
    assert code(predict({"text": "a" * 2_000}, limits=Limits(body=1_000))) == (413, "body_too_large")


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"Content-Type": ""}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"},
     {"Content-Type": "application/json; charset=utf-16"}, {"Content-Type": "multipart/form-data"}],
)  # fmt: skip
def test_a_body_of_another_type_or_compressed_is_refused(headers: dict[str, str]) -> None:
    """S8, X6"""
    assert code(predict({"text": "a"}, headers=headers)) == (415, "not_json")


def test_json_may_name_its_letters() -> None:
    assert predict({"text": "a"}, headers={"Content-Type": "application/json; charset=UTF-8"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/predict", (405, "method_not_allowed")), ("DELETE", "/labels", (405, "method_not_allowed")),
        ("OPTIONS", "/predict", (405, "method_not_allowed")), ("TRACE", "/", (405, "method_not_allowed")),
        ("GET", "/docs", (404, "not_found")), ("GET", "/redoc", (404, "not_found")),
        ("GET", "/predict/", (404, "not_found")),
        ("GET", "/report", (404, "not_found")), ("GET", "/<script>", (404, "not_found")),
    ],
)  # fmt: skip
def test_a_wrong_method_or_path_is_refused(method: str, path: str, expected: tuple[int, str]) -> None:
    """S8, X15: and there is no page of FastAPI's."""
    answer = get(path, method)
    assert code(answer) == expected
    assert "access-control-allow-origin" not in answer.headers


PIECES = ("..", "%2e%2e", "..%2f", "%2e%2e%2f", "..\\", "%5c", "%00", "//etc/passwd", "/etc/passwd", "C:\\boot.ini",
          "....//", "%252e%252e", "app.py", "../app.py", "index.html%00.css", "~root", "file:",
          "%e2%88%95..")  # fmt: skip


@pytest.mark.parametrize("prefix", ["/page/", "/", "/report/", "/page/../", "/page//"])
def test_no_path_leads_to_a_file(prefix: str) -> None:
    """X8"""

    async def work(made: httpx.AsyncClient) -> list[httpx.Response]:
        ways = [prefix + piece * times for piece in PIECES for times in (1, 3)]
        urls = [httpx.URL("http://localhost").copy_with(raw_path=way.encode()) for way in ways]
        return [await made.get(url) for url in urls]

    found = against(work)
    # The client itself goes up from /page/.. to the page.
    assert {answer.status_code for answer in found if answer.request.url.path != "/"} == {404}
    assert len(found) == 2 * len(PIECES)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8000", "", "127.0.0.1.nip.io", "10.0.0.1", "[::2]"]
)
def test_another_host_is_refused(host: str) -> None:
    """X5"""
    assert code(get("/labels", headers={"Host": host})) == (421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_this_machine_is_asked_by_its_names(host: str) -> None:
    assert get("/labels", headers={"Host": host}).status_code == 200


def test_where_others_reach_it_addresses_and_named_hosts_are_answered() -> None:
    for host, status in (("10.1.2.3:80", 200), ("[fe80::1]", 200), ("model.example", 200), ("evil.example", 421)):
        hosts = LOOPBACK | {"model.example"}

        async def work(host: str = host, hosts: frozenset[str] = hosts) -> int:
            app, _ = build(Predictor(Known()), Limits(), Door(hosts, any_address=True))
            async with started(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as made:
                return (await made.get("/labels", headers={"Host": host})).status_code

        assert asyncio.run(work()) == status


def test_a_page_of_another_origin_is_refused() -> None:
    """X6"""
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        assert code(predict({"text": "a"}, headers={"Origin": origin})) == (403, "foreign_origin")
    assert predict({"text": "a"}, headers={"Origin": "http://localhost"}).status_code == 200


def test_with_a_token_only_who_has_it_is_answered_and_the_rest_is_open() -> None:
    """X7"""
    for given in (
        None,
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}é",
    ):
        headers = {} if given is None else {"Authorization": given.encode("latin-1")}
        for path in ("/labels", "/metrics", "/openapi.json", "/report", "/predict", "/nope"):
            answer = get(path, token=TOKEN, headers=headers)
            assert code(answer) == (401, "no_token")
            assert answer.headers["www-authenticate"] == "Bearer"
    assert get("/labels", token=TOKEN, headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    for path in ("/", "/healthz", "/readyz"):
        assert get(path, token=TOKEN).status_code == 200


# ---------------------------------------------------------------- under stress


def test_a_model_that_fails_is_one_answer_and_five_in_a_row_end_the_readiness_until_it_proves_itself() -> None:
    """S15"""
    model = Known()

    async def work(made: httpx.AsyncClient) -> None:
        assert code(await made.post("/predict", json={"text": FAILS})) == (500, "failed")
        assert (await made.post("/predict", json={"text": "fine"})).status_code == 200
        model.is_damaged = True
        for _ in range(5):
            assert (await made.get("/readyz")).status_code == 200
            assert code(await made.post("/predict", json={"text": FAILS})) == (500, "failed")
        assert code(await made.get("/readyz")) == (503, "not_ready")
        assert (await made.get("/healthz")).status_code == 200
        model.is_damaged = False
        assert (await made.get("/readyz")).status_code == 200

    against(work, model)


@pytest.mark.parametrize("fault", [RuntimeError("a text"), PanicError("a text")])
def test_a_model_that_fails_on_its_test_texts_is_not_ready(fault: BaseException) -> None:
    """S15"""
    model = Known()

    async def work(made: httpx.AsyncClient) -> None:
        await asyncio.sleep(0.02)
        model.unproven = fault
        assert code(await made.get("/readyz")) == (503, "not_ready")
        model.unproven = None
        assert (await made.get("/readyz")).status_code == 200

    against(work, model, Limits(proof_age=0.01))


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device: a text"), PanicError("a text")])
def test_a_fault_of_the_disk_or_of_rust_in_a_route_is_an_answer_and_a_line_of_log(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """X2: the first was taken for a client that had gone, which gets no answer; the second is no Exception."""

    async def failing(*_: object) -> None:
        raise fault

    async def work() -> httpx.Response:
        _, state = build(Predictor(Known()), Limits(), Door())
        front = Front(failing, state.batcher, state.metrics, Door())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://localhost") as made:
            return await made.get("/labels")

    answer = asyncio.run(work())
    assert code(answer) == (500, "failed")
    assert {name: answer.headers[name] for name in SAFE} == dict(SAFE)
    assert [(record.message, record.__dict__["fault"]) for record in caplog.records] == [
        ("a route failed", type(fault).__name__)
    ]


def test_an_explanation_that_nobody_waits_for_is_not_gone_on_with() -> None:
    """S13"""
    model = Known()

    async def work() -> None:
        app, state = build(Predictor(model), Limits(explaining=1, texts=2), Door())
        async with started(app):
            model.gate.clear()
            asked = Asked(["a b c d"], True, True, None)
            task = asyncio.create_task(_explained(state, asked, time.monotonic() + 20))
            while not model.entered.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert state.explaining == 0
            model.gate.set()
            await asyncio.wrap_future(state.pool.submit(int))  # after the thread is free
            assert (await state.batcher.answer(["another"]))[0].text == "another"

    asyncio.run(work())
    assert model.batches == [["a b c d", "b c d"], ["another"]]


def test_an_explanation_on_its_way_does_not_keep_the_server_from_its_end() -> None:
    """S17: its thread asks the loop, which must not wait for the thread."""
    entered, go, found = threading.Event(), threading.Event(), list[str]()

    async def work() -> None:
        app, state = build(Predictor(Known()), Limits(), Door())
        stop = state.batcher.stop

        async def stopped() -> None:
            await stop()
            go.set()

        state.batcher.stop = stopped  # type: ignore[method-assign]
        async with started(app):
            queued = Queued(state, time.monotonic() + 20)

            def explain() -> None:
                entered.set()
                go.wait()
                try:
                    queued.predict(["late"])
                except Refusal as refusal:
                    found.append(refusal.code)

            state.pool.submit(explain)
            await asyncio.to_thread(entered.wait)

    asyncio.run(work())
    assert found == ["stopping"]


def test_a_client_that_leaves_as_its_answer_comes_disturbs_nothing() -> None:
    """S13"""

    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        answer, gone = loop.create_future(), asyncio.Event()

        class Leaving:
            async def receive(self) -> None:
                await gone.wait()

        task = asyncio.create_task(_with_a_pause(_unless_gone(Leaving(), answer)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.set()
        answer.set_result([7])
        return await task

    async def _with_a_pause(found: Any) -> list[int]:
        answers: list[int] = await found
        await asyncio.sleep(0.01)  # a cancellation that comes late would end it here
        return answers

    assert asyncio.run(work()) == [7]


def test_a_request_that_waits_too_long_is_refused_and_its_place_is_free() -> None:
    """S14"""
    model = Known()

    async def work(made: httpx.AsyncClient) -> None:
        model.gate.clear()
        began = time.perf_counter()
        answer = await made.post("/predict", json={"text": "a"})
        assert code(answer) == (503, "timeout")
        assert answer.headers["retry-after"] == "1"
        assert 0.1 < time.perf_counter() - began < 5
        model.gate.set()
        assert (await made.get("/readyz")).status_code == 200

    against(work, model, Limits(deadline=0.15))


def test_more_explanations_than_may_wait_are_refused() -> None:
    model = Known()

    async def work(made: httpx.AsyncClient) -> list[int]:
        model.gate.clear()
        asked = [
            asyncio.create_task(made.post("/predict", json={"text": f"a b {i}", "explain": True})) for i in range(5)
        ]
        while not any(task.done() for task in asked):
            await asyncio.sleep(0.01)
        model.gate.set()
        return sorted([(await task).status_code for task in asked])

    assert against(work, model, Limits(explaining=1, explaining_waiting=2)) == [200, 200, 200, 429, 429]


def test_a_model_that_does_not_answer_its_test_texts_is_not_served() -> None:
    """S19"""
    with pytest.raises(AssertionError):
        get("/healthz", model=Known(is_damaged=True))


# ---------------------------------------------------------------- around it

ROUTES = ["/", "/page/index.html", "/labels", "/healthz", "/readyz", "/metrics", "/openapi.json"]


@pytest.mark.parametrize("path", [*ROUTES, "/predict", "/nope", "/report"])
def test_every_answer_has_its_headers(path: str) -> None:
    """X2"""
    answer = get(path)
    assert {name: answer.headers[name] for name in SAFE} == dict(SAFE)
    assert len(answer.headers["x-request-id"]) == 16
    assert "server" not in answer.headers


@pytest.mark.parametrize("document", [b"{", {"text": FAILS}, {"texts": ["a"] * 65}, {"text": "a"}])
def test_so_do_refusals_and_faults(document: object) -> None:
    """X2"""
    answer = predict(document)
    assert {name: answer.headers[name] for name in SAFE} == dict(SAFE)


def test_there_are_these_routes_and_no_others() -> None:
    """X9, X15: none of them takes an address or a path."""
    schema = get("/openapi.json").json()
    assert {path: list(methods) for path, methods in schema["paths"].items()} == {
        "/predict": ["post"], "/labels": ["get"], "/healthz": ["get"], "/readyz": ["get"], "/metrics": ["get"],
    }  # fmt: skip


def test_labels_tell_what_a_client_has_to_know_and_nothing_is_put_into_a_page() -> None:
    """X3"""
    hostile = LabelSet(("</script><script>alert(1)</script>", "b"), None, "")
    found = get("/labels", model=Known(hostile)).json()
    assert found["labels"] == list(hostile.names)
    assert (found["task"], found["pair"], found["texts"], found["report"]) == ("binary", False, 64, False)
    assert "alert(1)" not in get("/", model=Known(hostile)).text


@pytest.mark.parametrize(("own", "asked", "told"), [(None, None, None), (0.6, None, 0.6), (0.6, 0.9, 0.9)])
def test_labels_tell_the_confidence_that_the_server_was_started_with(
    own: float | None, asked: float | None, told: float | None
) -> None:
    model = Known(usage=Usage(min_confidence=own))
    assert get("/labels", model=model, min_confidence=asked).json()["min_confidence"] == told


def test_the_counts_of_the_metrics_add_up_and_have_no_word_of_a_client() -> None:
    """S24"""

    async def work(made: httpx.AsyncClient) -> str:
        for i in range(7):
            await made.post("/predict", json={"text": f"secret {i}"})
        await made.post("/predict", content=b"{", headers={"Content-Type": "application/json"})
        await made.get("/secret")
        return (await made.get("/metrics")).text

    text = against(work)
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    counted = {name: float(value) for name, value in lines.items() if name.startswith("whet_requests_total")}
    assert counted == {
        'whet_requests_total{route="/predict",status="200"}': 7, 'whet_requests_total{route="other",status="404"}': 1,
        'whet_requests_total{route="/predict",status="400"}': 1,
    }  # fmt: skip
    assert (float(lines["whet_texts_total"]), float(lines["whet_request_seconds_count"])) == (7, 8)
    assert "secret" not in text


def test_nothing_of_a_text_or_of_a_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """X11, X12"""
    from whet.server.logs import JsonLines

    with caplog.at_level("INFO", logger="whet.server"):
        predict({"text": "secret"}, token=TOKEN, headers={"Authorization": f"Bearer {TOKEN}"})
        predict({"text": FAILS})
        get("/secret?secret=secret")
    lines = [JsonLines().format(record) for record in caplog.records]
    assert len(lines) == 4
    for line in lines:
        assert {"time", "level", "message"} <= set(json.loads(line))
        for word in ("secret", TOKEN, FAILS):
            assert word not in line
    assert json.loads(lines[0])["status"] == 200


def test_what_asyncio_logs_is_a_line_like_any_other_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    """X11: it names what a future came to, which may be a text."""
    from whet.server import logs

    found = [logging.getLogger(name) for name in ("whet.server", "uvicorn", "asyncio")]
    before = [(each.handlers, each.propagate, each.level) for each in found]
    try:
        logs.write_json(quiet=False)
        logging.getLogger("asyncio").error("Future exception was never retrieved\nfuture: <RuntimeError('a secret')>")
    finally:
        for each, (handlers, propagate, level) in zip(found, before, strict=True):
            each.handlers, each.propagate, each.level = handlers, propagate, level
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"]) == ("error", "a fault of asyncio")


def test_a_log_line_is_one_line_of_plain_letters(caplog: pytest.LogCaptureFixture) -> None:
    """X11"""
    from whet.server.logs import JsonLines

    line = JsonLines().format(logging.LogRecord("x", 20, "", 0, "a\nb \x1b[31m \u202e", (), None))
    assert line.isascii()
    assert line.isprintable()


def test_the_page_sets_texts_and_nothing_else() -> None:
    """X1: what could make elements of a text stands in none of its files, and nothing is inline or from elsewhere."""
    from importlib import resources

    files = {each.name: each.read_text("utf-8") for each in (resources.files("whet.server") / "page").iterdir()}
    assert {"index.html", "page.js", "page.css"} <= set(files)
    for name, text in files.items():
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc",
                     "DOMParser", "style=", "onclick", "onload", "javascript:", "localStorage"):  # fmt: skip
            assert word not in text, f"{name}: {word}"
        assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), name
