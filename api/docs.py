"""The OpenAPI document and a page to read it: plain HTML that needs no script and no other server."""

import re
from html import escape
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.openapi import document
from api.routing import api_router, public

router = api_router("", "Documentation")

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
code, pre { font: 13px/1.45 ui-monospace, monospace } pre { background: #f4f6f8; padding: .75rem; overflow: auto }
summary { cursor: pointer; padding: .35rem 0 } .method { display: inline-block; width: 4rem; font-weight: 700 }
.intro { white-space: pre-line } table { border-collapse: collapse }
td { padding: .15rem .75rem .15rem 0; vertical-align: top }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@router.get("/openapi.json", include_in_schema=False, dependencies=[public()])
async def openapi_document(request: Request) -> Response:
    return Response(orjson.dumps(_document(request)), media_type="application/json")


@router.get("/docs", include_in_schema=False, dependencies=[public()])
async def docs_page(request: Request) -> Response:
    return HTMLResponse(_page(_document(request)), headers={"Content-Security-Policy": _POLICY})


def _document(request: Request) -> dict[str, Any]:
    app = request.app
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    found: dict[str, Any] = app.openapi_schema
    return found


def _page(found: dict[str, Any]) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in by_tag.items())
    schemas = "".join(_schema(name, schema) for name, schema in found["components"]["schemas"].items())
    title, intro = escape(found["info"]["title"]), _prose(found["info"]["description"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title><style>{_STYLE}</style>'
        f'</head><body><h1>{title} API</h1><p><a href="/openapi.json">openapi.json</a></p>'
        f'<p class="intro">{intro}</p>{sections}<h2>Schemas</h2>{schemas}</body></html>'
    )


def _prose(text: str) -> str:
    """Text with the two marks of Markdown that the descriptions use: bold and code."""
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text, quote=False))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", marked)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(_parameter(parameter) for parameter in operation.get("parameters", []))
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary>"
        f'<p class="intro">{_prose(operation.get("description", ""))}</p><table>{parameters}</table>'
        f"{_json(operation.get('requestBody', {}).get('content'))}<table>{answers}</table></details>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    needed = "required" if parameter.get("required") else "optional"
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}, {needed}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    title = escape(name)
    return f'<details id="schema-{title}"><summary><code>{title}</code></summary>{_json(schema)}</details>'


def _json(content: object) -> str:
    return f"<pre>{escape(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())}</pre>" if content else ""
