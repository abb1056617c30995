"""The section of a profile about the console: who may enter. It decides nothing, so it is not part of the version."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from streams.profile.section import Section
from streams.profile.values import Text

RoleName = Literal["adviser", "on-call", "manager"]


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise PydanticCustomError(
            "profile", "{reason}", {"reason": f"expected a network, as 10.0.0.5/32: {error}"}
        ) from None
    return text


Network = Annotated[str, AfterValidator(_network)]


class ConsoleAuth(Section):
    """Who may enter. kind: `link`, the printed one, on the loopback alone; `oidc`; or `proxy`, by its headers.

    url: how browsers reach the console. issuer, client_id: of the provider. name, role, scopes: names of claims or of
    headers; a dot leads into a claim. roles: their values -> roles; empty: the values are the roles. proxies: where
    headers are believed from.
    """

    kind: Literal["link", "oidc", "proxy"] = "link"
    url: str = ""
    issuer: str = ""
    client_id: str = ""
    name: Text = "preferred_username"
    role: Text = "role"
    scopes: Text = "scopes"
    roles: dict[Text, RoleName] = Field({})
    proxies: Annotated[tuple[Network, ...], Field(strict=False)] = ()


class ConsoleRules(Section):
    """The console."""

    auth: ConsoleAuth = ConsoleAuth()
