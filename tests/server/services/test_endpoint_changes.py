"""UpdateEndpoint, UpdateEndpointWeightsAndCapacities and the direct address, as boto3 sees them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ironworks.control import endpoints, instances
from tests.control.conftest import ROLE
from tests.control.fakes import FakeExecutor
from tests.control.serving import MANIFEST, variant
from tests.server.wire import REGION, Wire

NAME = "changes"


@pytest.fixture(scope="module")
def sagemaker(wire: Wire) -> Any:
    """A client of an installation with a model `m`."""
    s3 = wire.client("s3")
    s3.create_bucket(Bucket="changes", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="changes", Key="m.tar.gz", Body=archive())
    client = wire.client("sagemaker")
    create_model(client, "m")
    return client


def create_model(sagemaker: Any, name: str) -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://changes/m.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)


@pytest.fixture
def endpoint(wire: Wire, sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """An endpoint in service whose processes answer and end as they should; describes it."""
    monkeypatch.setattr(instances, "answers", lambda *_: True)
    monkeypatch.setattr(FakeExecutor, "signal", lambda self, handle, _: self.die(handle.pid))
    config(sagemaker, "c", variant())
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="c")
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "InService"
    yield lambda: sagemaker.describe_endpoint(EndpointName=NAME)
    sagemaker.delete_endpoint(EndpointName=NAME)
    while wire.platform.resources.count(endpoints.KIND, "Deleting"):
        pass
    for name in [one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]]:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(MANIFEST)
        tar.addfile(member, io.BytesIO(MANIFEST.encode()))
    return packed.getvalue()


def config(sagemaker: Any, name: str, *variants: dict[str, Any]) -> None:
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[*variants])


def refusal(function: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        function(EndpointName=NAME, **arguments)
    found = raised.value.response["Error"]
    return found["Code"], found["Message"]


def test_an_update_is_answered_when_the_endpoint_is_at_the_new_configuration(
    sagemaker: Any, endpoint: Callable[[], Any]
) -> None:
    before = endpoint()
    config(sagemaker, "new", variant(count=2), variant("other", InitialVariantWeight=0.5))
    answer = sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="new")
    assert answer["EndpointArn"] == before["EndpointArn"]
    after = endpoint()
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "new")
    assert [(v["VariantName"], v["CurrentInstanceCount"]) for v in after["ProductionVariants"]] == [
        ("AllTraffic", 2),
        ("other", 1),
    ]
    assert after["LastModifiedTime"] > before["LastModifiedTime"]


def test_an_update_under_way_shows_what_is_to_come_and_allows_no_other(
    sagemaker: Any, endpoint: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config(sagemaker, "new", variant(count=2))
    with monkeypatch.context() as patch:
        patch.setattr(instances, "answers", lambda *_: False)
        patch.setattr("ironworks.server.services.sagemaker.endpoints.HOLD_SECONDS", 0)
        sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="new")
        now = endpoint()
        assert (now["EndpointStatus"], now["EndpointConfigName"]) == ("Updating", "c")
        assert now["ProductionVariants"][0]["CurrentInstanceCount"] == 1
        pending = now["PendingDeploymentSummary"]
        assert pending["EndpointConfigName"] == "new"
        assert pending["ProductionVariants"][0]["DesiredInstanceCount"] == 2
        arn = now["EndpointArn"]
        busy = ("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
        assert refusal(sagemaker.update_endpoint, EndpointConfigName="c") == busy
        assert refusal(sagemaker.update_endpoint_weights_and_capacities, **scaled(weight=2.0)) == busy


def scaled(name: str = "AllTraffic", **desired: Any) -> dict[str, Any]:
    members = {"weight": "DesiredWeight", "count": "DesiredInstanceCount"}
    change = {members[member]: value for member, value in desired.items()}
    return {"DesiredWeightsAndCapacities": [{"VariantName": name, **change}]}


def test_weights_and_counts_change(sagemaker: Any, endpoint: Callable[[], Any]) -> None:
    for count in (3, 1):
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, **scaled(weight=0.5, count=count))
        (found,) = endpoint()["ProductionVariants"]
        assert (found["CurrentWeight"], found["DesiredWeight"]) == (0.5, 0.5)
        assert (found["CurrentInstanceCount"], found["DesiredInstanceCount"]) == (count, count)


@pytest.mark.parametrize(
    ("desired", "code", "message"),
    [
        (scaled("other", weight=1.0), "ValidationException", "other"),
        (scaled(count=0), "ValidationException", "at least one instance"),
        (scaled(count=1000), "ResourceLimitExceeded", "64"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    sagemaker: Any, endpoint: Callable[[], Any], desired: dict[str, Any], code: str, message: str
) -> None:
    found = refusal(sagemaker.update_endpoint_weights_and_capacities, **desired)
    assert found[0] == code and message in found[1]
    assert endpoint()["EndpointStatus"] == "InService"


def test_an_update_retains_what_it_is_told_to(sagemaker: Any, endpoint: Callable[[], Any]) -> None:
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, **scaled(weight=0.5, count=2))
    endpoint()
    config(sagemaker, "new", variant(InitialVariantWeight=9.0))
    sagemaker.update_endpoint(
        EndpointName=NAME,
        EndpointConfigName="new",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    (found,) = endpoint()["ProductionVariants"]
    assert (found["CurrentWeight"], found["CurrentInstanceCount"]) == (9.0, 2)


def blue_green(kind: str = "ALL_AT_ONCE", **members: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 0},
            **members,
        }
    }


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"DeploymentConfig": blue_green("CANARY")}, "CANARY"),
        ({"DeploymentConfig": blue_green("LINEAR")}, "LINEAR"),
        (
            {
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                        "WaitIntervalInSeconds": 0,
                    }
                }
            },
            "RollingUpdatePolicy",
        ),
        (
            {
                "DeploymentConfig": {
                    **blue_green(),
                    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]},
                }
            },
            "Alarms",
        ),
        (
            {"ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}]},
            "RetainAllVariantProperties",
        ),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    sagemaker: Any, endpoint: Callable[[], Any], arguments: dict[str, Any], named: str
) -> None:
    code, message = refusal(sagemaker.update_endpoint, EndpointConfigName="c", **arguments)
    assert code == "ValidationException" and named in message
    assert endpoint()["EndpointStatus"] == "InService"


def test_a_deployment_configuration_is_kept_for_the_next_update(
    sagemaker: Any, endpoint: Callable[[], Any], wire: Wire
) -> None:
    deployment = blue_green(MaximumExecutionTimeoutInSeconds=600)
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="c", DeploymentConfig=deployment)
    assert endpoint()["LastDeploymentConfig"] == deployment
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="c", RetainDeploymentConfig=True)
    following = wire.platform.resources.get(endpoints.KIND, REGION, NAME).state.get("NextPlan")
    assert following is None or following["deadline"] is not None
    assert endpoint()["LastDeploymentConfig"] == deployment


def test_what_is_missing_is_named(sagemaker: Any, endpoint: Callable[[], Any], wire: Wire) -> None:
    code, message = refusal(sagemaker.update_endpoint, EndpointConfigName="no")
    assert code == "ValidationException" and message.startswith("Could not find endpoint configuration")
    create_model(sagemaker, "gone")
    config(sagemaker, "of-gone", variant(model="gone"))
    sagemaker.delete_model(ModelName="gone")
    code, message = refusal(sagemaker.update_endpoint, EndpointConfigName="of-gone")
    assert code == "ValidationException" and message.startswith("Could not find model") and "gone" in message
    assert endpoint()["EndpointStatus"] == "InService"


def test_the_direct_address_is_told_and_stays_the_same(
    wire: Wire, sagemaker: Any, endpoint: Callable[[], Any]
) -> None:
    client = wire.client("ironworks")
    before = client.describe_endpoint_access(EndpointName=NAME)
    (access,) = before["Variants"]
    assert access["VariantName"] == "AllTraffic"
    assert access["Url"].startswith("http://127.0.0.1:")
    pid = max(wire.executor.commands)
    command, environment = wire.executor.commands[pid], wire.executor.environments[pid]
    assert environment["IRONWORKS_DIRECT_TOKEN"] == before["Token"]
    assert command[command.index("--listen") + 1] == access["Url"].removeprefix("http://")
    assert before["Token"] not in " ".join(command)
    assert before["Token"] not in str(endpoint())
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="c")
    endpoint()
    after = client.describe_endpoint_access(EndpointName=NAME)
    assert (after["Token"], after["Variants"]) == (before["Token"], before["Variants"])


def test_the_direct_address_of_nothing_is_an_error(wire: Wire) -> None:
    with pytest.raises(ClientError) as raised:
        wire.client("ironworks").describe_endpoint_access(EndpointName="nothing")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
