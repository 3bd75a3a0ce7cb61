"""How documents and materials lie in Chroma: a key, metadata, and tests that `Where` asks of either.

Knows the records of recall. Must not know clients, collections or distances.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from ..recall import Document, Material, Where

# The whole record as JSON. Everything else in the metadata is there to be tested: the facts.
RECORD = "record"
Facts = Mapping[str, Any]


class Filter(NamedTuple):
    """One thing that is asked, in Chroma's words and in ours."""

    asked: dict[str, Any]
    passes: Callable[[Facts], bool]


def of_document(document: Document) -> dict[str, Any]:
    """A document's metadata."""
    given = {"kind": document.kind, "verdict": document.verdict}
    return _metadata(document, document.model_dump_json(), given)


def of_material(material: Material) -> dict[str, Any]:
    """A material's metadata; its embedding is not in it."""
    given = {"model": material.model} | {_property(value.name): value.value for value in material.properties}
    return _metadata(material, material.model_dump_json(exclude={"embedding"}), given)


def to_document(metadata: Facts) -> Document:
    """The document that was laid out so."""
    return Document.model_validate_json(metadata[RECORD])


def to_material(metadata: Facts, embedding: Sequence[float]) -> Material:
    """The material that was laid out so, with its embedding `(n_features,)`."""
    return Material.model_validate({**orjson.loads(metadata[RECORD]), "embedding": tuple(map(float, embedding))})


def key_of(metadata: Facts) -> str:
    """What Chroma is given as the id: all the facts.

    A query gives thousands of ids in the time in which it gives a hundred records, so most tests need only ids.
    """
    return orjson.dumps({name: value for name, value in metadata.items() if name != RECORD}).decode()


def facts_of(key: str) -> Facts:
    """The facts in a key."""
    facts: Facts = orjson.loads(key)
    return facts


def filters_of_documents(where: Where) -> list[Filter]:
    """What is asked of documents."""
    filters = _common(where)
    if where.without:
        others = {"$or": [{"campaign": {"$nin": list(where.without)}}, {"kind": "note"}]}
        filters.append(Filter(others, lambda facts: facts["campaign"] not in where.without or facts["kind"] == "note"))
    if where.kinds:
        filters.append(Filter({"kind": {"$in": list(where.kinds)}}, lambda facts: facts["kind"] in where.kinds))
    if where.verdict is not None:
        filters.append(Filter({"verdict": where.verdict}, lambda facts: facts.get("verdict") == where.verdict))
    return filters


def filters_of_materials(where: Where) -> list[Filter]:
    """What is asked of materials."""
    filters = _common(where)
    if where.without:
        others = {"campaign": {"$nin": list(where.without)}}
        filters.append(Filter(others, lambda facts: facts["campaign"] not in where.without))
    if where.model is not None:
        filters.append(Filter({"model": where.model}, lambda facts: facts["model"] == where.model))
    for bounds in where.properties:
        filters.append(_at_least(_property(bounds.property), bounds.low))
        filters.append(_at_most(_property(bounds.property), bounds.high))
    return filters


def _common(where: Where) -> list[Filter]:
    filters = []
    if where.campaigns:
        asked = {"campaign": {"$in": list(where.campaigns)}}
        filters.append(Filter(asked, lambda facts: facts["campaign"] in where.campaigns))
    filters += [_contains(element) for element in where.elements]
    if where.since is not None:
        filters.append(_at_least("time", _seconds(where.since)))
    if where.until is not None:
        filters.append(_at_most("time", _seconds(where.until)))
    return filters


def _contains(element: str) -> Filter:
    return Filter({"elements": {"$contains": element}}, lambda facts: element in facts.get("elements", ()))


def _at_least(name: str, bound: float | None) -> Filter:
    """No bound still asks for a value."""
    low = -sys.float_info.max if bound is None else bound
    return Filter({name: {"$gte": low}}, lambda facts: name in facts and facts[name] >= low)


def _at_most(name: str, bound: float | None) -> Filter:
    high = sys.float_info.max if bound is None else bound
    return Filter({name: {"$lte": high}}, lambda facts: name in facts and facts[name] <= high)


def _metadata(record: Document | Material, text: str, given: Facts) -> dict[str, Any]:
    """Chroma allows no empty list and no None, so what is missing has no entry."""
    common = {"id": record.id, "campaign": record.campaign, "time": _seconds(record.time)}
    facts = {**common, "elements": list(record.elements), **given}
    return {RECORD: text} | {name: value for name, value in facts.items() if value not in (None, [])}


def _property(name: str) -> str:
    """The prefix keeps a person's names of properties apart from ours."""
    return f"property/{name}"


def _seconds(time: datetime) -> float:
    """Seconds since 1970; the records' times are UTC, also where they do not say so."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
