"""Endpoints that can be updated: plans have generations, and instances belong to one."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_resources = sa.table(
    "resources",
    sa.column("id", sa.Integer()),
    sa.column("kind", sa.String()),
    sa.column("request", sa.JSON()),
    sa.column("state", sa.JSON()),
)


def upgrade() -> None:
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("ending", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.alter_column("generation", server_default=None)
        batch_op.alter_column("ending", server_default=None)
    _rewrite(_with_generation)


def downgrade() -> None:
    _rewrite(_without_generation)
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.drop_column("ending")
        batch_op.drop_column("generation")


def _rewrite(change: Callable[[Any, Any], Any]) -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(_resources).where(_resources.c.kind == "endpoint")).all():
        state = {**row.state, "Plan": change(row.request, row.state["Plan"])}
        connection.execute(_resources.update().where(_resources.c.id == row.id).values(state=state))


def _with_generation(request: Any, variants: Any) -> Any:
    # Without a direct address and a token: instances that run know of none.
    return {
        "generation": 1,
        "config": request["EndpointConfigName"],
        "variants": [{**variant, "folder": variant["name"], "address": ""} for variant in variants],
        "deadline": None,
    }


def _without_generation(_request: Any, plan: Any) -> Any:
    dropped = ("folder", "address", "start_seconds")
    return [
        {name: value for name, value in variant.items() if name not in dropped}
        for variant in plan["variants"]
    ]
