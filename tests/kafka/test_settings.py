from __future__ import annotations

import ssl

import pytest

from schemas.errors import UsageError
from streams.kafka.settings import from_environment

BROKERS = {"KEEPLINE_BROKERS": "a:1, b:2"}
SASL = BROKERS | {
    "KEEPLINE_SASL_MECHANISM": "SCRAM-SHA-512",
    "KEEPLINE_SASL_USERNAME": "keep",
    "KEEPLINE_SASL_PASSWORD": "hush-hush",
}


def test_brokers_prefix_and_group_come_from_the_environment() -> None:
    settings = from_environment(BROKERS | {"KEEPLINE_TOPIC_PREFIX": "x-", "KEEPLINE_GROUP": "night"})
    assert (settings.brokers, settings.topic("state"), settings.group) == (("a:1", "b:2"), "x-state", "night")


@pytest.mark.parametrize(
    ("environ", "group", "id_"),
    [
        ({}, "keepline", "keepline-engine-0"),  # as it always was
        ({"KEEPLINE_TOPIC_PREFIX": "x-"}, "x-keepline", "x-keepline-x-engine-0"),
        ({"KEEPLINE_TOPIC_PREFIX": "x-", "KEEPLINE_GROUP": ""}, "x-keepline", "x-keepline-x-engine-0"),
        ({"KEEPLINE_TOPIC_PREFIX": "x-", "KEEPLINE_GROUP": "night"}, "night", "night-x-engine-0"),
        ({"KEEPLINE_GROUP": "night"}, "night", "night-engine-0"),
    ],
)
def test_group_and_transactional_ids_are_those_of_one_deployment(environ: dict[str, str], group: str, id_: str) -> None:
    settings = from_environment(BROKERS | environ)
    assert (settings.group, settings.transactional_id("engine-0")) == (group, id_)


@pytest.mark.parametrize("value", ["", "host", "host:port", "a:1,b"])
def test_brokers_without_a_port_are_refused(value: str) -> None:
    with pytest.raises(UsageError, match="KEEPLINE_BROKERS"):
        from_environment({"KEEPLINE_BROKERS": value})


def test_a_password_is_in_no_repr() -> None:
    assert "hush-hush" not in repr(from_environment(SASL))


def test_credentials_reach_aiokafka() -> None:
    client = from_environment(SASL).client
    assert client["security_protocol"] == "SASL_PLAINTEXT"
    assert (client["sasl_mechanism"], client["sasl_plain_password"]) == ("SCRAM-SHA-512", "hush-hush")


def test_credentials_reach_faust() -> None:
    credentials = from_environment(SASL).faust_credentials
    assert (credentials.username, credentials.password, credentials.mechanism.value) == (
        "keep",
        "hush-hush",
        "SCRAM-SHA-512",
    )


def test_tls_with_the_certificates_of_the_machine_needs_one_word() -> None:
    settings = from_environment(BROKERS | {"KEEPLINE_SSL_CAFILE": "system"})
    assert settings.client["security_protocol"] == "SSL"
    assert settings.ssl_context is not None
    assert settings.ssl_context.verify_mode is ssl.CERT_REQUIRED


def test_a_missing_certificate_is_named() -> None:
    with pytest.raises(UsageError, match=r"/no/ca\.pem"):
        from_environment(BROKERS | {"KEEPLINE_SSL_CAFILE": "/no/ca.pem"})


def test_a_misspelt_credential_is_refused() -> None:
    with pytest.raises(UsageError, match="KEEPLINE_SASL_PASSWROD"):
        from_environment(BROKERS | {"KEEPLINE_SASL_PASSWROD": "x"})


@pytest.mark.parametrize("missing", ["KEEPLINE_SASL_USERNAME", "KEEPLINE_SASL_PASSWORD", "KEEPLINE_SASL_MECHANISM"])
def test_half_a_credential_is_refused(missing: str) -> None:
    with pytest.raises(UsageError, match="KEEPLINE_SASL"):
        from_environment({name: value for name, value in SASL.items() if name != missing})
