"""The auditor and decisions: all of a registry's acts, from public files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from decided_logs import Decided, make_decided_log
from published_logs import codes


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("decided") / "home"
    make_decided_log(folder)
    return folder


@pytest.fixture
def log(home, tmp_path) -> Decided:
    return Decided.copy(home, tmp_path / "log")


def test_a_sound_registry_has_no_differences(log):
    found = log.audit()
    assert [d.say("en") for d in found.differences] == []
    assert found.notes == ()
