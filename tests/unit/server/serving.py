"""A process that serves the model of these tests: `python serving.py PORT`."""

from __future__ import annotations

import sys

from tests.unit.server.made import Known
from whet.prediction.predictor import Predictor
from whet.server.app import build
from whet.server.front import Door
from whet.server.limits import Limits
from whet.server.process import bind, serve

if __name__ == "__main__":
    limits = Limits(batch_tokens=64)
    app, state = build(Predictor(Known(seconds_a_token=0.0005)), limits, Door())
    sys.exit(serve(app, state, bind("127.0.0.1", int(sys.argv[1])), limits))
