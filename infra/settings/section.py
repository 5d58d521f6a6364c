"""What all sections of the settings have in common; they are in `infra.settings.sections`."""

from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_FILE = ".env"


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it and says what to do."""


class Section(BaseSettings):
    """Common behaviour of all sections: frozen, from the environment, then from `.env`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def load(cls, env_file: str | None = ENV_FILE, **known: Any) -> Self:
        """Read the section; raise `SettingsError` naming each variable that is wrong.

        What is `known` already takes the place of its variable.
        """
        try:
            return cls(_env_file=env_file, **known)  # type: ignore[call-arg]  # pydantic-settings adds it
        except ValidationError as exc:
            raise SettingsError(_explain(cls, exc)) from exc


def _explain(section: type[Section], error: ValidationError) -> str:
    prefix = str(section.model_config.get("env_prefix", ""))
    lines = []
    for problem in error.errors():
        variable = (prefix + str(problem["loc"][0])).upper() if problem["loc"] else "settings"
        if problem["type"] == "missing":
            lines.append(f"{variable} is not set. See .env.example for what it means.")
        else:
            reason = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable} is wrong: {reason}.")  # the value may be a secret
    return "\n".join(lines)
