"""What callers send and get about failed images."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from tasks.reports.failures import Failures as View
from tasks.reprocess.request import Host, Word
from tasks.reprocess.selector import Selector


class FailureGroup(BaseModel):
    """Images with one error code from one host, or all with that code, or all from that host."""

    code: str | None = Field(description="null in a group of a host")
    host: str | None = Field(description="null in a group of a code, and for uploaded files")
    images: int
    products: int
    retryable: bool = Field(description="whether a retry can help any of them")
    detail: str = Field(description="the reason, in the words of one of them")
    last_at: datetime = Field(description="when the last of them failed")


class Failures(BaseModel):
    """The images that show a failure now; each list has its 200 largest groups."""

    images: int
    codes: list[FailureGroup] = Field(description="by error code")
    hosts: list[FailureGroup] = Field(description="by source host")
    groups: list[FailureGroup] = Field(description="by both")

    @classmethod
    def of(cls, view: View) -> "Failures":
        """Show them."""
        return cls.model_validate(view, from_attributes=True)


class FailureRetry(BaseModel):
    """The body of `POST /failures/retry`: which failed images; all without conditions."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"code": "http_503", "host": "images.supplier.example"}]},
    )

    code: Word | None = Field(default=None, description="only images that failed with this code")
    host: Host | None = Field(default=None, description="only images from this host, without port")

    def selector(self) -> Selector:
        """Return what is retried."""
        return Selector(failed=True, refetch=True, failed_with=self.code, host=self.host)
