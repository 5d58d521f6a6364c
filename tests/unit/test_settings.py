"""Settings: read from the environment, checked, frozen, and wrong ones named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.loopback import is_loopback
from infra.settings.sections import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    DatabaseSettings,
    FetchSettings,
    JobSettings,
    PixelSettings,
    Section,
    SettingsError,
    StackSettings,
    StoreSettings,
    WorkerSettings,
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own variables must not decide a test."""
    for section in Section.__subclasses__():
        prefix = str(section.model_config.get("env_prefix", ""))
        for field in section.model_fields:
            monkeypatch.delenv((prefix + field).upper(), raising=False)


@pytest.mark.parametrize(
    ("section", "variable", "value"),
    [
        (ApiSettings, "API_PORT", "0"),
        (ApiSettings, "API_PORT", "65536"),
        (ApiSettings, "API_PORT", "http"),
        (ApiSettings, "API_MAX_URL_CHARACTERS", "15"),
        (ApiSettings, "API_MAX_URL_CHARACTERS", "2601"),
        (DatabaseSettings, "DATABASE_POOL_SIZE", "0"),
        (DatabaseSettings, "DATABASE_URL", "mysql://localhost/shop"),
        (AssetSettings, "PUBLIC_ASSET_URL", "cdn.example.com"),
        (FetchSettings, "FETCH_TOTAL_TIMEOUT_SECONDS", "-1"),
        (FetchSettings, "FETCH_MAX_REDIRECTS", "21"),
        (PixelSettings, "PIXEL_MEMORY_BYTES", "1000"),
        (JobSettings, "JOB_MAX_ATTEMPTS", "0"),
        (JobSettings, "JOB_LONGEST_PARK_SECONDS", "-1"),
        (WorkerSettings, "WORKER_SLOTS", "many"),
        (StackSettings, "WORKERS", "0"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    section: type[Section], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"(?m)^{variable} is wrong: "):
        section.load(env_file=None)


@pytest.mark.parametrize(
    ("section", "variable"),
    [
        (DatabaseSettings, "DATABASE_URL"),
        (BrokerSettings, "AMQP_URL"),
        (StoreSettings, "S3_SECRET_KEY"),
        (AssetSettings, "PUBLIC_ASSET_URL"),
    ],
)
def test_a_missing_value_is_named_with_where_to_look(
    section: type[Section], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("", None):  # empty counts as missing: compose passes unset variables so
        if setting is not None:
            monkeypatch.setenv(variable, setting)
        with pytest.raises(SettingsError, match=rf"(?m)^{variable} is not set\. See \.env\.exam"):
            section.load(env_file=None)


def test_every_problem_of_a_section_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_POOL_SIZE", "none")
    with pytest.raises(SettingsError) as caught:
        StoreSettings.load(env_file=None)
    named = [line.split()[0] for line in str(caught.value).splitlines()]
    assert named == ["S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_POOL_SIZE"]


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("API_PORT=1000\nAPI_THREADS=3\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("API_PORT", "2000")
    loaded = ApiSettings.load(str(file))
    assert (loaded.port, loaded.threads, loaded.max_urls) == (2000, 3, 100)


def test_loaded_settings_cannot_be_changed() -> None:
    loaded = ApiSettings.load(env_file=None)
    with pytest.raises(ValidationError, match="frozen"):
        loaded.port = 1


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("shop.local", ("shop.local",)),
        ("shop.local:81, 10.0.0.0/8 ,[::1]:80,", ("shop.local:81", "10.0.0.0/8", "[::1]:80")),
        (" , ", ()),
    ],
)
def test_a_list_is_split_at_its_commas(
    text: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETCH_ALLOWED_PRIVATE_HOSTS", text)
    assert FetchSettings.load(env_file=None).allowed_private_hosts == hosts


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_spelling_of_a_postgresql_url_becomes_our_driver(scheme: str) -> None:
    loaded = DatabaseSettings(url=f"{scheme}://me:secret@db:5432/shop?sslmode=require")
    assert loaded.url == "postgresql+psycopg2://me:secret@db:5432/shop?sslmode=require"


@pytest.mark.parametrize("url", ["sqlite:///shop.db", "db:5432/shop", "postgresql", "://db"])
def test_a_url_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like postgresql://"):
        DatabaseSettings(url=url)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://store:9000/", "http://store:9000"),
        ("https://s3.example.com", "https://s3.example.com"),
    ],
)
def test_an_endpoint_without_scheme_is_reached_without_tls(text: str, endpoint: str) -> None:
    loaded = StoreSettings(endpoint=text, access_key="a", secret_key="s")
    assert loaded.endpoint == endpoint


def test_a_role_needs_no_keys() -> None:
    assert StoreSettings(endpoint="s3", credentials="role").access_key == ""


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("shop", "shop/"), ("/a/b/", "a/b/")]
)
def test_a_prefix_of_keys_ends_in_a_slash(text: str, prefix: str) -> None:
    loaded = StoreSettings(endpoint="s3", access_key="a", secret_key="s", prefix=text)
    assert loaded.prefix == prefix


def test_an_asset_url_loses_its_trailing_slash() -> None:
    assert AssetSettings(public_asset_url="https://cdn.example.com/x/").public_asset_url == (
        "https://cdn.example.com/x"
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_a_loopback_address_is_told(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "shop.example.com", ""])
def test_an_address_that_others_reach_is_no_loopback(host: str) -> None:
    assert not is_loopback(host)
