"""The JSON Schema of the file, for editors and for `rotator schema`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from .shape import FileShape
from .units import duration_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Schema(GenerateJsonSchema):
    """pydantic's schema with durations as the file writes them, and without what would only repeat a key."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:  # a default that depends on something else is no value to write
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        return duration_text(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, object]:
    """The schema of the whole file, with the meaning of every key; keys that come later are in it."""
    body = FileShape.model_json_schema(schema_generator=_Schema)
    return {"$schema": DIALECT, **body, "title": "rotator"}
