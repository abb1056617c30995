"""The AsyncAPI document as one HTML page for people: topics, their messages, the fields of each, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import orjson

STYLE = """
:root{--ink:#1d2433;--soft:#667085;--paper:#fbfaf7;--card:#fff;--line:#e4e1d8;--blue:#2f5fd0}
@media(prefers-color-scheme:dark){
:root{--ink:#e8eaf0;--soft:#98a2b3;--paper:#14171f;--card:#1c2130;--line:#2c3345;--blue:#7aa2ff}}
body{margin:0 auto;max-width:1000px;padding:28px 20px 60px;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h2{margin:38px 0 4px}h3{margin:20px 0 4px}p,.note{color:var(--soft);max-width:80ch;margin:4px 0}a{color:var(--blue)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;background:var(--card)}
td,th{border-bottom:1px solid var(--line);padding:6px 9px;text-align:left;vertical-align:top;font-size:14px}
pre{background:var(--card);border:1px solid var(--line);padding:10px;overflow-x:auto;font-size:13px}
"""
LIMITS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
    "maxLength": "of at most",
}
Object = Mapping[str, Any]


def page(document: Object, schemas: Mapping[str, Object]) -> bytes:
    """Returns the page. document: AsyncAPI; schemas: message -> JSON Schema."""
    channels, info = document["channels"], document["info"]
    operations = document["operations"].values()
    received = {one["channel"]["$ref"].split("/")[-1] for one in operations if one["action"] == "receive"}
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(info['title'])}: topics and messages</title><style>{STYLE}</style>",
        f"<h1>{escape(info['title'])}: topics and messages</h1><p>{escape(info['description'])}</p><ul>",
        *(f'<li><a href="#{topic}">{topic}</a></li>' for topic in channels),
        "</ul>",
    ]
    for topic, channel in channels.items():
        direction = "read by Keepline" if topic in received else "written by Keepline"
        (tag,) = channel["tags"]
        parts.append(f'<h2 id="{topic}">{topic}</h2><p>{direction}; {escape(tag["description"])}.</p>')
        parts.append(f"<p>{escape(channel['description'])}</p>")
        for name in channel["messages"]:
            parts += _message(name, schemas[name], document["components"]["messages"][name])
    return "\n".join(parts).encode() + b"\n"


def _message(name: str, schema: Object, message: Object) -> Iterator[str]:
    yield f"<h3>{name}</h3>"
    if description := schema.get("description"):
        yield f"<p>{escape(description)}</p>"
    required = schema.get("required", ())
    yield '<div class="wide"><table><tr><th>field</th><th>type</th><th></th><th>meaning</th></tr>'
    for field, of in schema.get("properties", {}).items():
        needed = "required" if field in required else "optional"
        cells = (field, _type(of, schema.get("$defs", {})), needed, of.get("description", ""))
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table></div>"
    for example in message["examples"]:
        yield f"<pre>{escape(orjson.dumps(example['payload'], option=orjson.OPT_INDENT_2).decode())}</pre>"


def _type(of: Object, defs: Object) -> str:
    """The type of a field in words, with its limits."""
    if "$ref" in of:
        name = of["$ref"].split("/")[-1]
        return _type(defs[name], defs) if "enum" in defs.get(name, {}) else name
    if "anyOf" in of:
        return " or ".join(_type(one, defs) for one in of["anyOf"])
    if "const" in of:
        return repr(of["const"])
    if "enum" in of:
        return "one of " + ", ".join(map(str, of["enum"]))
    if of.get("type") == "array":
        return f"list of {_type(of.get('items', {}), defs)}"
    limits = [f"{word} {of[key]:g}" for key, word in LIMITS.items() if isinstance(of.get(key), (int, float))]
    return " ".join([str(of.get("format") or of.get("type", "any")), *limits])
