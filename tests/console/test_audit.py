"""The audit: who saw and did what, without an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streams.console.audit import hashed
from tests.console.consoles import ADVISER, Served, serving
from tests.console.copies import store_in, write
from tests.console.test_outcomes import Topic
from tests.operations.cases.messages import intervention


def told(served: Served) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in ("name", "did", "page", "about", "status", "result")) for one in served.audited]


async def test_what_somebody_sees_and_does_is_told_once_and_without_ids(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention("i1", customer_id="anna-17"), intervention("o", scope="city-2"))
    async with serving(store, sender=Topic()) as served:
        browser = served.browser(ADVISER)
        for _ in range(3):
            await browser.get("/case?id=i1")
        await browser.get("/customer?id=anna-17")
        await browser.get("/customer?find=anna")
        await browser.get("/case?id=o")
        data = {"token": served.token(browser), "status": "contacted"}
        await browser.post("/outcome?case=i1", data=data, allow_redirects=False)
        await browser.post("/outcome?case=i1", data=data | {"token": "x"}, allow_redirects=False)
        await browser.post("/sign-out", data=data, allow_redirects=False)
        case, customer = hashed("i1"), hashed("anna-17")
        assert told(served) == [
            ("bert", "saw", "/case", case, None, None),
            ("bert", "saw", "/customer", customer, None, None),
            ("bert", "found", "/customer", hashed("anna"), None, None),
            ("bert", "refused", "/case", hashed("o"), None, "404"),
            ("bert", "reported", "/outcome", case, "contacted", "sent"),
            ("bert", "refused", "/outcome", None, None, "403"),
            ("bert", "signed_out", "/sign-out", None, None, None),
        ]
        assert not any(name in str(served.audited) for name in ("anna-17", "'i1'"))
