"""A broker that asks who comes: listeners with a login and with TLS, and access rules for the user `keep`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.kafka.apache import HOST

USER, PASSWORD = "keep", "of-a-test"
RULE_LIMIT_S = 30.0
SETTINGS = """\
listeners=PLAINTEXT://{host}:{plain},{controller}LOGIN://{host}:{login},TLS://{host}:{tls}
advertised.listeners=PLAINTEXT://{host}:{plain},LOGIN://{host}:{login},TLS://{host}:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:{login_protocol},TLS:SSL
listener.name.login.sasl.enabled.mechanisms=PLAIN
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
ssl.keystore.location={store}
ssl.keystore.password={password}
ssl.keystore.type=PKCS12
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


@dataclass(frozen=True)
class Ports:
    """Where a broker listens: everybody may do everything on `plain`. controller: None where it is none."""

    plain: int
    login: int
    tls: int
    controller: int | None

    def settings(self, store: Path, login_protocol: str = "SASL_PLAINTEXT") -> str:
        """Lines for the settings of a broker. store: its key and certificate."""
        return SETTINGS.format(
            host=HOST,
            plain=self.plain,
            login=self.login,
            tls=self.tls,
            controller=f"CONTROLLER://{HOST}:{self.controller}," if self.controller else "",
            login_protocol=login_protocol,
            user=USER,
            password=PASSWORD,
            store=store,
        )


@dataclass(frozen=True)
class Rule:
    """The user may do something with all resources whose names begin with `prefix`."""

    operation: AclOperation
    kind: ResourceType
    prefix: str

    @property
    def binding(self) -> AclBinding:
        return AclBinding(*self._parts, AclPermissionType.ALLOW)

    @property
    def filter(self) -> AclBindingFilter:
        return AclBindingFilter(*self._parts, AclPermissionType.ALLOW)

    @property
    def _parts(self) -> tuple[object, ...]:
        is_cluster = self.kind == ResourceType.BROKER
        pattern = ResourcePatternType.LITERAL if is_cluster else ResourcePatternType.PREFIXED
        return self.kind, "kafka-cluster" if is_cluster else self.prefix, pattern, f"User:{USER}", "*", self.operation


def allow(brokers: str, rules: Iterable[Rule]) -> None:
    """Adds rules and waits until they are in force."""
    admin, rules = AdminClient({"bootstrap.servers": brokers}), list(rules)
    for created in admin.create_acls([rule.binding for rule in rules]).values():
        created.result()
    _wait(admin, rules, there=True)


def forbid(brokers: str, rules: Iterable[Rule]) -> None:
    """Removes rules and waits until they are not in force any more."""
    admin, rules = AdminClient({"bootstrap.servers": brokers}), list(rules)
    for deleted in admin.delete_acls([rule.filter for rule in rules]).values():
        deleted.result()
    _wait(admin, rules, there=False)


def _wait(admin: AdminClient, rules: Iterable[Rule], there: bool) -> None:
    """A broker applies rules later than it takes them."""
    until = time.monotonic() + RULE_LIMIT_S
    for rule in rules:
        while bool(admin.describe_acls(rule.filter).result()) is not there:
            assert time.monotonic() < until


def certificate(folder: Path) -> tuple[Path, Path]:
    """Makes a key with a certificate that it signs itself; returns the store for a broker and the file for clients."""
    folder.mkdir(exist_ok=True)
    store, file = folder / "store.p12", folder / "certificate.pem"
    protected = ["-keystore", str(store), "-storepass", PASSWORD, "-alias", "broker"]
    subject = ["-dname", "CN=broker", "-ext", f"san=ip:{HOST}", "-ext", "bc:c"]
    _keytool("-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", *subject, *protected)
    _keytool("-exportcert", "-rfc", "-file", str(file), *protected)
    return store, file


def _keytool(*words: str) -> None:
    subprocess.run(["keytool", *words], check=True, capture_output=True)
