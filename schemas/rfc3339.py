"""Parses a batch of RFC 3339 texts with NumPy: the results of `instants.parse_instant`, much faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.instants import DAY_US, HOUR_US, SECOND_US

Instants = NDArray[np.int64]
Flags = NDArray[np.bool_]
SECONDS_LENGTH = len("2024-03-01T08:30:00")
OFFSET_LENGTH = len("+08:00")
DAYS_TO_1970 = 719_468  # from 0000-03-01
MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MOST_DIGITS = 6  # of a fraction; more are cut, one text at a time
SEPARATORS = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"))


def parse_instants(texts: Sequence[str]) -> tuple[Instants, Flags]:
    """Returns (n,) microseconds and which texts were parsed. The others are 0; `parse_instant` decides about them."""
    us, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for length in np.unique(lengths).tolist():
        if SECONDS_LENGTH < length <= SECONDS_LENGTH + 1 + 6 + OFFSET_LENGTH:
            at = np.flatnonzero(lengths == length)
            same = texts if len(at) == len(texts) else [texts[i] for i in at.tolist()]
            us[at], good[at] = _of_one_length(same, length)
    return us, good


def _of_one_length(texts: Sequence[str], length: int) -> tuple[Instants, Flags]:
    """Parses texts that have the same length."""
    raw = "".join(texts).encode("ascii", "replace")
    chars = np.frombuffer(raw, np.uint8).reshape(len(texts), length).T.copy()
    utc = chars[-1] == ord("Z")
    if utc.all() or not utc.any():
        return _of_one_form(chars, bool(utc.all()))
    us, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    for form in (True, False):
        at = np.flatnonzero(utc == form)
        us[at], good[at] = _of_one_form(chars[:, at].copy(), form)
    return us, good


def _of_one_form(chars: NDArray[np.uint8], utc: bool) -> tuple[Instants, Flags]:
    """Parses texts of one length that all end in Z, or all in an offset. chars: (length, n)."""
    tail = 1 if utc else OFFSET_LENGTH
    fraction_digits = len(chars) - SECONDS_LENGTH - tail - 1
    if fraction_digits < -1 or fraction_digits == 0 or fraction_digits > MOST_DIGITS:
        return np.zeros(chars.shape[1], np.int64), np.zeros(chars.shape[1], np.bool_)
    digits = chars.astype(np.int64) - ord("0")
    us, good = _calendar(digits, chars)
    if fraction_digits > 0:
        good &= chars[SECONDS_LENGTH] == ord(".")
        fraction, valid = _number(digits, SECONDS_LENGTH + 1, fraction_digits)
        us, good = us + fraction * 10 ** (6 - fraction_digits), good & valid
    if not utc:
        offset, valid = _offset(digits[-OFFSET_LENGTH:], chars[-OFFSET_LENGTH:])
        us, good = us - offset, good & valid
    return np.where(good, us, 0), good


def _calendar(digits: Instants, chars: NDArray[np.uint8]) -> tuple[Instants, Flags]:
    fields = [_number(digits, start, n) for start, n in ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2))]
    year, month, day, hour, minute, second = (value for value, _ in fields)
    good = np.logical_and.reduce([valid for _, valid in fields])
    for place, separator in SEPARATORS:
        good &= chars[place] == ord(separator)
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = MONTH_DAYS[np.where(good, month, 0)] - ((month == 2) & ~leap)
    good &= (day >= 1) & (day <= last)
    us = _days(year, month, day) * DAY_US + hour * HOUR_US + minute * 60 * SECOND_US + second * SECOND_US
    return us, good


def _days(year: Instants, month: Instants, day: Instants) -> Instants:
    """Returns days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that a leap day is the last."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Instants = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - DAYS_TO_1970
    return days


def _offset(digits: Instants, chars: NDArray[np.uint8]) -> tuple[Instants, Flags]:
    hour, valid_hour = _number(digits, 1, 2)
    minute, valid_minute = _number(digits, 4, 2)
    sign = np.where(chars[0] == ord("-"), -1, 1)
    good = valid_hour & valid_minute & (hour < 24) & (minute < 60) & (chars[3] == ord(":"))
    good &= (chars[0] == ord("-")) | (chars[0] == ord("+"))
    return sign * (hour * HOUR_US + minute * 60 * SECOND_US), good


def _number(digits: Instants, start: int, n: int) -> tuple[Instants, Flags]:
    part = digits[start : start + n]
    value = np.zeros(digits.shape[1], np.int64)
    for digit in part:
        value = value * 10 + digit
    return value, np.logical_and.reduce((part >= 0) & (part <= 9))
