from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer.fetcher import Fetcher

from schemas.errors import Failure
from streams.kafka import private_api


def test_the_installed_versions_are_the_tested_ones() -> None:
    private_api.check()


def test_a_signature_that_changed_is_named_with_the_version_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(private_api.SIGNATURES, Fetcher.fetched_records, "self partitions")
    with pytest.raises(Failure, match=r"Fetcher\.fetched_records.*faust-streaming==0\.15\.3, aiokafka==0\.14\.0"):
        private_api.check()


def test_a_private_attribute_that_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(private_api.MENTIONS, AIOKafkaProducer.__init__, ("self.link =",))
    with pytest.raises(Failure, match=r"AIOKafkaProducer\.__init__ \(self\.link =\)"):
        private_api.check()
