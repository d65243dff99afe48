"""The values of metrics that training scripts print, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ironworks.control import training_jobs
from ironworks.control.records import Resource
from ironworks.database import Database, Table

Value = tuple[str, float, float]
"""A metric's name, its value, and when it was printed (seconds since 1970)."""


class MetricValue(Table):
    """One value."""

    __tablename__ = "metric_values"
    __table_args__ = (Index("ix_metric_values_order", "resource_id", "name", "timestamp"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    resource_id: Mapped[int] = mapped_column(ForeignKey("resources.id", ondelete="CASCADE"))
    """The training job."""
    name: Mapped[str] = mapped_column(String(255))
    timestamp: Mapped[float] = mapped_column(Double)
    value: Mapped[float] = mapped_column(Double)


_VALUES = Table.metadata.tables[MetricValue.__tablename__]


def add(session: Session, job_id: int, values: Sequence[Value]) -> None:
    """Keep values of a job as part of the session's transaction."""
    if values:
        session.execute(
            insert(_VALUES),
            [
                {"resource_id": job_id, "name": name, "value": value, "timestamp": at}
                for name, value, at in values
            ],
        )


def read(
    database: Database, region: str, job: str, metric: str, start: float, end: float
) -> Iterator[tuple[float, float]]:
    """The moments (seconds since 1970, `start <= moment < end`) and values of a job's metric, in order."""
    query = (
        select(MetricValue.timestamp, MetricValue.value)
        .join(Resource, Resource.id == MetricValue.resource_id)
        .where(
            Resource.kind == training_jobs.KIND, Resource.region == region, Resource.name == job,
            MetricValue.name == metric, MetricValue.timestamp >= start, MetricValue.timestamp < end,
        )
        .order_by(MetricValue.timestamp, MetricValue.id)
        .execution_options(yield_per=1000)
    )  # fmt: skip
    with database.read() as session:
        for moment, value in session.execute(query):  # noqa: UP028  # tuples, not rows
            yield moment, value


def names(database: Database, region: str, job: str | None = None) -> list[tuple[str, str]]:
    """The jobs that printed metrics, or one of them, each with the name of a metric; in order."""
    query = (
        select(Resource.name, MetricValue.name)
        .join(Resource, Resource.id == MetricValue.resource_id)
        .where(Resource.kind == training_jobs.KIND, Resource.region == region)
        .distinct()
        .order_by(Resource.name, MetricValue.name)
    )
    if job is not None:
        query = query.where(Resource.name == job)
    with database.read() as session:
        return [(name, metric) for name, metric in session.execute(query)]
