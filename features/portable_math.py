"""exp, log and powers of two whose bits do not depend on the processor.

NumPy's functions give different bits with and without AVX-512, so two workers on different hosts would compute
different scores. These functions use only operations that IEEE 754 rounds correctly (+ - * / rint) and shifts of the
exponent's bits. Compiled code (schemas/native/elementary.h) takes the same steps for one number after another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.native.arrays import each

Array = NDArray[np.float64]

LOG2_E = 1.4426950408889634
LN2 = 0.6931471805599453
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
LN2_IN_PLACE = LN2 * 2.0**-52  # exact
EXP_TERMS = tuple(1.0 / factor for factor in (39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1))
LOG_TERMS = tuple(2.0 / odd for odd in (11, 9, 7, 5, 3, 1))
MANTISSA_BITS = 52
EXPONENT_BIAS = 1023
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
CACHED = 32768  # numbers that stay in the processor's cache between the steps of a calculation


def exp(x: Array) -> Array:
    """Returns e to the power of x, any shape; relative error below 1e-13; x is clipped to +-700."""
    if (found := each("exp_each", x)) is not None:
        return found
    x = np.clip(x, -700.0, 700.0)
    k = np.rint(x * LOG2_E)
    x -= k * LN2_HIGH
    x -= k * LN2_LOW
    return _scale(_horner(x, EXP_TERMS), k)


def exp2_negative(x: Array) -> Array:
    """Returns 2 to the power of -x, any shape; relative error below 1e-13; x is clipped to +-1000."""
    if (found := each("exp2_negative_each", x)) is not None:
        return found
    x = np.clip(x, -1000.0, 1000.0)
    k = np.rint(x)
    np.subtract(k, x, out=x)
    x *= LN2
    return _scale(_horner(x, EXP_TERMS), -k)


def log(x: Array) -> Array:
    """Returns the logarithm of x, any shape, positive and normal; absolute error below 2e-11 + relative 1e-15."""
    if (found := each("log_each", x)) is not None:
        return found
    bits = x.view(np.int64)
    k = bits - SQRT_HALF_BITS
    k &= -1 << MANTISSA_BITS  # the exponent times 2^52
    s = np.subtract(bits, k).view(np.float64)  # the mantissa, in [sqrt(1/2), sqrt(2))
    spare = s + 1.0
    s -= 1.0
    s /= spare
    total = _horner(np.multiply(s, s, out=spare), LOG_TERMS)
    total *= s
    total += np.multiply(k, LN2_IN_PLACE, out=spare)
    return total


def sigmoid(z: Array) -> Array:
    """Returns 1 / (1 + exp(-z)), any shape."""
    found = each("sigmoid_each", z)
    return np.asarray(1.0 / (1.0 + exp(-z))) if found is None else found


def in_cache(rows: NDArray[np.intp], n: int) -> Iterator[NDArray[np.intp]]:
    """Yields the rows in parts that fit into the processor's cache. n: numbers in a row."""
    some = max(CACHED // max(n, 1), 1)
    return (rows[start : start + some] for start in range(0, len(rows), some))


def _horner(x: Array, terms: tuple[float, ...]) -> Array:
    """Returns the polynomial of x by Horner's rule; terms: coefficients, the highest power first."""
    total = x * terms[0]
    for term in terms[1:-1]:
        total += term
        total *= x
    total += terms[-1]
    return total


def _scale(x: Array, k: Array) -> Array:
    """Returns x * 2^k for whole k in the range of normal numbers."""
    bits = (k.astype(np.int64) + EXPONENT_BIAS) << MANTISSA_BITS
    x *= bits.view(np.float64)
    return x
