"""The whole jobs of tests/flows, to do harm to."""

from tests.flows.conftest import _one_core, here, job, taught, whet, whet_process

__all__ = ["_one_core", "here", "job", "taught", "whet", "whet_process"]
