"""The routes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from whet.errors import ModelError
from whet.labels import LabelSet
from whet.prediction.documents import prediction_document
from whet.prediction.predictor import Predictor, least_of
from whet.records import Prediction
from whet.score import occlusion
from whet.server import bodies, strictjson
from whet.server.batcher import Batcher, Text
from whet.server.front import App, Door, Front
from whet.server.limits import Limits
from whet.server.metrics import Metrics
from whet.server.refusals import Refusal, overloaded
from whet.system import runtime

KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}  # fmt: skip
# The report brings its style and its script with it; the script is known by its hash.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src {script}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
READY_WITHIN = 5.0


@dataclass(slots=True)
class State:
    """What the routes share. `stopping`: accepted requests are answered, new ones refused."""

    batcher: Batcher
    limits: Limits
    metrics: Metrics
    report: bytes | None
    stopping: bool = False
    proven: float | None = None
    """When the test texts were last answered as they were when the model was saved."""
    explaining: int = 0
    version: str = field(default_factory=lambda: runtime.versions()["whet"])
    pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.limits.explaining, "whet-explain")

    @property
    def predictor(self) -> Predictor:
        return self.batcher.predictor


def build(
    predictor: Predictor, limits: Limits, door: Door, *, report: Path | None = None,
    min_confidence: float | None = None, shared: bool = False,
) -> tuple[App, State]:  # fmt: skip
    """The application, and its state. `shared`: its metrics are those of all processes. The report is read now: what
    happens to its file later does not matter."""
    batcher = Batcher(predictor, limits, min_confidence=min_confidence)
    page = None if report is None else report.read_bytes()
    state = State(batcher, limits, Metrics(shared=shared), page)
    app = FastAPI(
        title="whet", version=state.version, docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        lifespan=_lifespan(state),
        exception_handlers={HTTPException: _no_route, Refusal: _refused, Exception: _failed},
    )  # fmt: skip
    app.router.redirect_slashes = False
    _add_predict(app, state)
    _add_about(app, state, least_of(predictor.artifact.usage, predictor.labels, min_confidence))
    _add_page(app, state)
    return Front(app, batcher, state.metrics, door), state


def _lifespan(state: State) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.batcher.start()
        await state.batcher.prove()
        state.proven = time.monotonic()
        yield
        await state.batcher.stop()
        # Not here: what is being explained has to hear from this loop that it is over.
        await asyncio.to_thread(state.pool.shutdown, cancel_futures=True)

    return lifespan


# ---------------------------------------------------------------- /predict


def _add_predict(app: FastAPI, state: State) -> None:
    labels, limits = state.predictor.labels, state.limits
    pair = state.predictor.artifact.usage.inputs.pair is not None
    schema = {"anyOf": [kind.model_json_schema() for kind in (bodies.One, bodies.Many)]}
    extra = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    refused: dict[int | str, dict[str, Any]] = {
        status: {"model": bodies.Refused} for status in (400, 401, 403, 408, 413, 415, 421, 422, 429, 431, 500, 503)
    }

    @app.post("/predict", response_model=bodies.Answer | bodies.Answers, responses=refused, openapi_extra=extra)
    async def predict(request: Request) -> Response:
        """Labels one text or many, as `whet predict --json` does."""
        if state.stopping:
            raise Refusal("stopping", "The server is about to end.", {"Connection": "close"})
        deadline = time.monotonic() + limits.deadline
        ask = bodies.asked(strictjson.parse(await request.body()), labels, limits, pair=pair)
        work = _explained(state, ask, deadline) if ask.explain else state.batcher.answer(ask.texts, deadline=deadline)
        answers = await _unless_gone(request, work)
        if answers is None:
            return Response(status_code=499)  # for the log: nobody reads it
        documents = [prediction_document(answer) for answer in answers]
        return _json(documents[0] if ask.is_one else {"predictions": documents})


async def _unless_gone(request: Request, work: Awaitable[list[Prediction]]) -> list[Prediction] | None:
    """What the work comes to; None where the client leaves before, and the work with it."""
    task = asyncio.current_task()
    assert task is not None
    gone = asyncio.ensure_future(request.receive())
    is_done = False
    gone.add_done_callback(lambda each: None if each.cancelled() or is_done else task.cancel())
    try:
        return await work
    except asyncio.CancelledError:
        if not gone.done():
            raise
        task.uncancel()
        return None
    finally:
        is_done = True  # a call of that kind may be on its way
        gone.cancel()


class Queued:
    """The model behind the queue, for a thread that explains: its questions wait like all others."""

    def __init__(self, state: State, deadline: float) -> None:
        self._state, self._deadline = state, deadline
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._asking: Future[list[Prediction]] | None = None

    def end(self) -> None:
        """What is being asked is dropped, and nothing more is: nobody waits for it."""
        self._is_over = True
        if self._asking is not None:
            self._asking.cancel()

    @property
    def labels(self) -> LabelSet:
        return self._state.predictor.labels

    def predict(
        self, texts: occlusion.Texts, *, logits: bool = False, min_confidence: float | None = None
    ) -> list[Prediction]:
        """As `Predictor.predict` with the server's own `min_confidence`, some texts at a time."""
        rows: list[Text] = list(texts)
        found: list[Prediction] = []
        for start in range(0, len(rows), self._state.limits.texts):
            part = rows[start : start + self._state.limits.texts]
            answer = self._state.batcher.answer(part, logits=logits, deadline=self._deadline)
            self._asking = asyncio.run_coroutine_threadsafe(answer, self._loop)
            if self._is_over:  # since a moment ago
                self._asking.cancel()
            found += self._asking.result()
        return found


async def _explained(state: State, ask: bodies.Asked, deadline: float) -> list[Prediction]:
    limits = state.limits
    if state.explaining >= limits.explaining + limits.explaining_waiting:
        raise overloaded(state.batcher.waiting_seconds)
    queued = Queued(state, deadline)
    state.explaining += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(state.pool, _explain, queued, ask.texts, ask.label)
    finally:
        queued.end()
        state.explaining -= 1


def _explain(queued: Queued, texts: Sequence[Text], label: str | None) -> list[Prediction]:
    return [answer for chunk in occlusion.stream(queued, texts, label=label) for answer in chunk]


# ---------------------------------------------------------------- about the model and the server


def _add_about(app: FastAPI, state: State, least: float | None) -> None:
    usage, labels, limits = state.predictor.artifact.usage, state.predictor.labels, state.limits
    about = bodies.Labels(
        task=labels.task, labels=list(labels.names), positive=labels.positive, pair=usage.inputs.pair is not None,
        thresholds=dict(usage.thresholds), min_confidence=least, version=state.version,
        texts=limits.texts, explained=limits.explained, report=state.report is not None,
    )  # fmt: skip

    @app.get("/labels", response_model=bodies.Labels)
    async def labels_of_the_model() -> Response:
        """The task, the labels and what a request may have."""
        return _json(about.model_dump())

    @app.get("/healthz")
    async def is_alive() -> Response:
        """Whether the process answers at all."""
        if state.batcher.has_died:
            raise Refusal("not_ready", "The thread that computes has ended.")
        return _json({"status": "alive"})

    @app.get("/readyz", responses={503: {"model": bodies.Refused}})
    async def is_ready() -> Response:
        """Whether texts are answered, and the test texts of the model as they were when it was saved."""
        await _check_ready(state)
        return _json({"status": "ready"})

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        state.metrics.update(state.batcher)
        return Response(state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _check_ready(state: State) -> None:
    """Raises Refusal unless the server is ready. The test texts are asked again where batches failed, or the last time
    is long ago and nothing waits."""
    batcher, limits = state.batcher, state.limits
    if state.stopping:
        raise Refusal("stopping", "The server is about to end.")
    has_failed = batcher.counts.failures_in_a_row >= limits.failures
    is_old = state.proven is None or time.monotonic() - state.proven > limits.proof_age
    if not (batcher.has_died or has_failed or (is_old and not batcher.waiting_tokens)):
        return
    state.proven = None if has_failed else state.proven
    try:
        await asyncio.wait_for(batcher.prove(), READY_WITHIN)
    except (ModelError, TimeoutError) as fault:
        state.proven = None
        said = "in time" if isinstance(fault, TimeoutError) else "as when it was saved"
        raise Refusal("not_ready", f"The model does not answer its test texts {said}.") from None
    state.proven = time.monotonic()


# ---------------------------------------------------------------- the page and the report


def _add_page(app: FastAPI, state: State) -> None:
    folder = resources.files("whet.server") / "page"
    files = {each.name: each.read_bytes() for each in folder.iterdir() if Path(each.name).suffix in KINDS}

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(files["index.html"], media_type=KINDS[".html"])

    @app.get("/page/{name}", include_in_schema=False)
    async def part_of_the_page(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], media_type=KINDS[Path(name).suffix])

    @app.get("/report", include_in_schema=False)
    async def report() -> Response:
        if state.report is None:
            raise HTTPException(404)
        script = re.search(rb"'sha256-[A-Za-z0-9+/=]+'", state.report)
        policy = REPORT_POLICY.format(script=script[0].decode() if script else "'none'")
        return Response(state.report, media_type=KINDS[".html"], headers={"Content-Security-Policy": policy})


# ---------------------------------------------------------------- answers


def _json(document: object) -> Response:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), media_type="application/json")


async def _no_route(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    code = "method_not_allowed" if fault.status_code == 405 else "not_found"
    said = "The route knows other methods: see Allow." if fault.status_code == 405 else "There is no such route."
    return await _refused(request, Refusal(code, said, fault.headers))


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refusal)
    body = fault.body(request.state.request_id)
    return Response(body, fault.status, fault.headers, "application/json")


async def _failed(request: Request, _: Exception) -> Response:
    return await _refused(request, Refusal("failed", "The server failed on this request."))
