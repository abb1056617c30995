"""The environment, read here and nowhere else: brokers, credentials, names. Secrets are kept out of every
repr.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import UsageError

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SASL = {"KEEPLINE_SASL_MECHANISM", "KEEPLINE_SASL_USERNAME", "KEEPLINE_SASL_PASSWORD"}
SSL = {"KEEPLINE_SSL_CAFILE", "KEEPLINE_SSL_CERTFILE", "KEEPLINE_SSL_KEYFILE", "KEEPLINE_SSL_PASSWORD"}
SYSTEM_CAS = "system"  # KEEPLINE_SSL_CAFILE=system: TLS with the certificates that the machine trusts


@dataclass(frozen=True)
class Settings:
    """Where the brokers are and under which names Keepline works there."""

    brokers: tuple[str, ...]
    topic_prefix: str = ""
    group: str = "keepline"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)

    def topic(self, short: str) -> str:
        """The full name of a topic."""
        return self.topic_prefix + short

    def transactional_id(self, unit: str) -> str:
        """Of a unit. With the prefix: two deployments with one group must not fence each other."""
        return f"{self.group}-{self.topic_prefix}{unit}"

    @property
    def client(self) -> dict[str, Any]:
        """Keyword arguments for every aiokafka client."""
        known: dict[str, Any] = {"bootstrap_servers": list(self.brokers), "security_protocol": self._protocol}
        if self.ssl_context:
            known["ssl_context"] = self.ssl_context
        if self.sasl_mechanism:
            known |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return known

    @property
    def faust_credentials(self) -> Any:
        """The same credentials as Faust's `broker_credentials`; None without any."""
        import faust

        if self.sasl_mechanism:
            return faust.SASLCredentials(
                username=self.sasl_username,
                password=self.sasl_password,
                mechanism=self.sasl_mechanism,
                ssl_context=self.ssl_context,
            )
        return faust.SSLCredentials(self.ssl_context) if self.ssl_context else None

    @property
    def _protocol(self) -> str:
        link = "SSL" if self.ssl_context else "PLAINTEXT"
        return f"SASL_{link}" if self.sasl_mechanism else link


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process; raises UsageError with the name of the variable that is missing or wrong."""
    _refuse_unknown(environ)
    brokers = tuple(part.strip() for part in environ.get("KEEPLINE_BROKERS", "").split(",") if part.strip())
    if not brokers:
        raise UsageError("KEEPLINE_BROKERS is not set; expected host:port,... of the Kafka brokers")
    for broker in brokers:
        if not broker.rpartition(":")[2].isdigit():
            raise UsageError(f"KEEPLINE_BROKERS: {broker!r} is not host:port")
    mechanism, prefix = environ.get("KEEPLINE_SASL_MECHANISM"), environ.get("KEEPLINE_TOPIC_PREFIX", "")
    return Settings(
        brokers,
        prefix,
        environ.get("KEEPLINE_GROUP") or f"{prefix}keepline",
        mechanism,
        _sasl(environ, "USERNAME", mechanism),
        _sasl(environ, "PASSWORD", mechanism),
        _context(environ),
    )


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """A misspelt credential would otherwise mean a connection without it."""
    for name in environ:
        if name.startswith(("KEEPLINE_SASL_", "KEEPLINE_SSL_")) and name not in SASL | SSL:
            raise UsageError(f"{name} is not a setting; there are {', '.join(sorted(SASL | SSL))}")


def _sasl(environ: Mapping[str, str], name: str, mechanism: str | None) -> str | None:
    value = environ.get(f"KEEPLINE_SASL_{name}")
    if mechanism is None:
        if value is not None:
            raise UsageError(
                f"KEEPLINE_SASL_{name} is set without KEEPLINE_SASL_MECHANISM; set it to one of {MECHANISMS}"
            )
        return None
    if mechanism not in MECHANISMS:
        raise UsageError(f"KEEPLINE_SASL_MECHANISM is {mechanism!r}; expected one of {', '.join(MECHANISMS)}")
    if not value:
        raise UsageError(f"KEEPLINE_SASL_{name} is not set, but KEEPLINE_SASL_MECHANISM is {mechanism}")
    return value


def _context(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """TLS as soon as one of the KEEPLINE_SSL_ variables is set."""
    if not any(environ.get(name) for name in SSL):
        return None
    cafile = environ.get("KEEPLINE_SSL_CAFILE", SYSTEM_CAS)
    certfile, keyfile = environ.get("KEEPLINE_SSL_CERTFILE"), environ.get("KEEPLINE_SSL_KEYFILE")
    try:
        context = ssl.create_default_context(cafile=None if cafile == SYSTEM_CAS else cafile)
        if certfile:
            # an empty password, not None: OpenSSL would ask for it on the terminal
            context.load_cert_chain(certfile, keyfile, environ.get("KEEPLINE_SSL_PASSWORD", ""))
    except OSError as error:
        files = ", ".join(name for name in (cafile, certfile, keyfile) if name)
        raise UsageError(f"KEEPLINE_SSL_*: cannot use {files}: {error.strerror or error}") from None
    return context
