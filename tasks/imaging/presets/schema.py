"""The JSON Schema of presets files, which editors read and which messages are made from."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tasks.imaging.presets.tables import PresetsFile


class _TomlSchema(GenerateJsonSchema):
    """Leaves out null, which TOML does not have, and titles that repeat a key."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def presets_schema() -> dict[str, Any]:
    """Return the schema, in draft 7: what editors of TOML know."""
    schema = PresetsFile.model_json_schema(
        ref_template="#/definitions/{model}", schema_generator=_TomlSchema
    )
    definitions = schema.pop("$defs")
    draft = "http://json-schema.org/draft-07/schema#"
    return {"$schema": draft, **schema, "definitions": definitions}
