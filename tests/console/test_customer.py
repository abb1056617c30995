"""Why was a customer contacted, and why not."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

from streams.console.site import url
from tests.console.consoles import ADVISER, ON_CALL, serving
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention, update, withheld

TOUCH = {
    "touch_id": "t", "customer_id": "anna", "touched_at": "2024-02-01T00:00:00Z", "trigger": "medium_tier",
    "channel": "sms", "scene": None, "offer": "coupon", "script": "Hello", "scope": "pilot", "segments": [],
    "lifecycle": "mature", "probability": 0.4, "risk": None, "policy_version": "p",
}  # fmt: skip
TASK = {
    "task_id": "k", "customer_id": "anna", "kind": "complaint", "status": "open", "updated_at": "2024-02-03T00:00:00Z",
    "opened_at": "2024-02-03T00:00:00Z", "due_at": "2024-02-04T00:00:00Z", "to": "service manager", "script": "Call",
    "scope": "pilot", "policy_version": "p",
}  # fmt: skip


def decided(at: str, why: str, retry: str | None = None, **fields: Any) -> dict[str, Any]:
    return withheld(f"w{at}", why, customer_id="anna", decided_at=at, crossed_at=at, **fields) | {"retry_at": retry}


async def test_every_decision_is_there_the_newest_first(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write(
        store, TOUCH, TASK, intervention(), update("contacted", state="contacted"),
        decided("2024-02-10T00:00:00Z", "quiet_hours", "2024-02-10T08:00:00Z"),
        decided("2024-02-20T00:00:00Z", "consent"),
        decided("2024-02-21T00:00:00Z", "consent"),
        intervention("other", customer_id="bert", decided_at="2024-02-11T00:00:00Z"),
    )  # fmt: skip
    async with serving(store) as served:
        text = unescape(await (await served.browser().get("/customer?id=anna")).text())
        rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr class.*?</tr>", text, re.S)]
        assert rows == [
            "1 Mar 2024 08:00 Case sent, case: contacted 60%",
            "21 Feb 2024 08:00 Not sent: no consent 2 times, since 20 Feb 2024 60% not by itself",
            "10 Feb 2024 08:00 Not sent: quiet hours 60% from 10 Feb 2024 16:00",
            "3 Feb 2024 08:00 Task for service manager: complaint, open",
            "1 Feb 2024 08:00 Automated message by sms: coupon 40%",
        ]


async def test_a_customer_is_found_by_the_beginning_of_the_id(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), *(intervention(n, customer_id=f"c<{n}") for n in ("1", "12", "2")))
    async with serving(store) as served:
        browser = served.browser()

        async def links(find: str) -> list[str]:
            text = unescape(await (await browser.get("/customer", params={"find": find})).text())
            return re.findall(r'href="(/customer\?[^"]+)"', text)

        assert await links("c") == [url("/customer", id=f"c<{n}") for n in ("1", "12", "2")]
        assert await links("c<2") == []
        assert "<bdi>c<2</bdi>" in unescape(await (await browser.get("/customer?find=c%3C2")).text())
        assert "No customer" in await (await browser.get("/customer?find=x")).text()


async def test_a_customer_of_another_scope_is_not_found(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write(
        store, intervention("a", customer_id="moved", scope="pilot"),
        intervention("b", customer_id="moved", scope="city-2", decided_at="2024-04-01T00:00:00Z"),
        intervention("c", customer_id="there", scope="city-2"),
    )  # fmt: skip
    async with serving(store) as served:
        browser = served.browser(ADVISER)
        statuses = [(await browser.get(url("/customer", id=name))).status for name in ("moved", "there", "none", "")]
        assert statuses == [404, 404, 404, 404]
        assert "there" not in await (await browser.get("/customer?find=the")).text()
        assert (await served.browser(ON_CALL).get("/customer?id=there")).status == 404
