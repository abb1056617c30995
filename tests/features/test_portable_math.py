"""exp and log are accurate and have the same bits with and without vector instructions."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.portable_math import exp, exp2_negative, log

finite = st.lists(st.floats(-690, 690), min_size=1, max_size=20).map(np.array)
positive = st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=20).map(np.array)

BITS = """
import hashlib, numpy as np
from features.portable_math import exp, exp2_negative, log
x = np.random.default_rng(0).uniform(-30, 30, 10_000)
print(hashlib.sha256(exp(x).tobytes() + exp2_negative(x).tobytes() + log(np.abs(x)).tobytes()).hexdigest())
"""


@given(finite)
def test_exp_agrees_with_numpy(x: np.ndarray) -> None:
    np.testing.assert_allclose(exp(x), np.exp(x), rtol=1e-12)


@given(finite)
def test_exp2_negative_agrees_with_numpy(x: np.ndarray) -> None:
    np.testing.assert_allclose(exp2_negative(x), np.exp2(-x), rtol=1e-12)


@given(positive)
def test_log_agrees_with_numpy(x: np.ndarray) -> None:
    np.testing.assert_allclose(log(x), np.log(x), rtol=1e-10, atol=1e-10)


def test_the_bits_do_not_depend_on_the_vector_unit() -> None:
    x = np.random.default_rng(0).uniform(-30, 30, 10_000)
    here = hashlib.sha256(exp(x).tobytes() + exp2_negative(x).tobytes() + log(np.abs(x)).tobytes()).hexdigest()
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": _dispatched()}
    there = subprocess.run([sys.executable, "-c", BITS], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def _dispatched() -> str:
    """Returns the optional vector features that NumPy uses on this processor."""
    info = np._core._multiarray_umath  # type: ignore[attr-defined]
    found = [name for name in info.__cpu_dispatch__ if info.__cpu_features__.get(name)]
    if not found:
        pytest.skip("NumPy uses no optional vector features on this processor")
    return " ".join(found)
