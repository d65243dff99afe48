"""A predictor: an endpoint that answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ironworks.sdk.deletion import Deletable
from ironworks.sdk.errors import InvocationFailed, RequestRefused
from ironworks.sdk.following import follow
from ironworks.sdk.legacy import legacy_names, note
from ironworks.sdk.serializers import (
    ArrayDeserializer,
    Deserializer,
    JSONDeserializer,
    Serializer,
    as_deserializer,
    as_serializer,
    serializer_for,
)
from ironworks.sdk.session import default_session

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

RUNNING = ("Creating", "Updating", "SystemUpdating", "RollingBack")


class Predictor(Deletable):
    """An endpoint by its name. `with` deletes it at the end of the block.

    Attributes:
        endpoint_name: the endpoint's name.
        session: of whose server.
        serializer: makes the request's body; None: chosen by what is given, npy for arrays.
        deserializer: reads the answer.
    """

    @legacy_names({"endpoint": "endpoint_name", "sagemaker_session": "session"})
    def __init__(
        self,
        endpoint_name: str,
        session: Session | None = None,
        serializer: Serializer | Callable[[Any], bytes | str] | None = None,
        deserializer: Deserializer | Callable[..., Any] | None = None,
    ) -> None:
        self.endpoint_name = endpoint_name
        self.session = session or default_session()
        self._serializer = as_serializer(serializer)
        self._deserializer = as_deserializer(deserializer)
        self._content_type = self._accept = ""

    def __repr__(self) -> str:
        return f"<Predictor {self.endpoint_name} at {self.session.url}>"

    def predict(self, data: Any, *, target_variant: str | None = None) -> Any:
        """What the model answers for `data`: an array, unless the endpoint answers something else.

        Args:
            data: an array, or what the serializer takes.
            target_variant: one variant of the endpoint, instead of the one that its weights choose.

        Raises:
            ClientError: the data cannot be serialized.
            InvocationFailed: the endpoint answered with an error.
            RequestRefused: there is no such endpoint, or it is not in service.
        """
        serializer = self._serializer or serializer_for(data)
        reader = self.deserializer
        more = {"TargetVariant": target_variant} if target_variant else {}
        try:
            answer = self.session.call(
                "sagemaker-runtime",
                "invoke_endpoint",
                EndpointName=self.endpoint_name,
                ContentType=self._content_type or serializer.CONTENT_TYPE,
                Accept=self._accept or ", ".join(reader.ACCEPT),
                Body=serializer.serialize(data),
                **more,
            )
        except RequestRefused as error:
            raise _explained(error, self.endpoint_name) from error
        return reader.deserialize(io.BytesIO(answer["Body"].read()), answer["ContentType"])

    @property
    def status(self) -> str:
        """The endpoint's status now, such as `InService`."""
        return str(self._describe()["EndpointStatus"])

    def delete(self) -> None:
        """Delete the endpoint, its configuration and its models; returns when nothing of it runs any more.

        What is gone already is no error.
        """
        # Of an endpoint that is gone: `deploy` calls all three alike.
        config, models = self.endpoint_name, [self.endpoint_name]
        with _gone_is_fine():
            config = self._describe()["EndpointConfigName"]
        with _gone_is_fine():
            described = self.session.call("sagemaker", "describe_endpoint_config", EndpointConfigName=config)
            models = [variant["ModelName"] for variant in described["ProductionVariants"]]
        with _gone_is_fine():
            self.delete_endpoint(delete_endpoint_config=False)
        with _gone_is_fine():
            self.session.call("sagemaker", "delete_endpoint_config", EndpointConfigName=config)
        for name in models:
            with _gone_is_fine():
                self.session.call("sagemaker", "delete_model", ModelName=name)

    def delete_endpoint(self, delete_endpoint_config: bool = True) -> None:
        """Delete the endpoint and its configuration; returns when nothing of it runs any more."""
        described = self._describe()
        if delete_endpoint_config:
            name = described["EndpointConfigName"]
            self.session.call("sagemaker", "delete_endpoint_config", EndpointConfigName=name)
        self.session.delete_endpoint(self.endpoint_name)
        try:
            for _ in follow(self.session, described["EndpointArn"], ("Deleting", *RUNNING), None):
                pass
        except RequestRefused as error:
            if error.code != "ResourceNotFoundException":
                raise

    def _describe(self) -> dict[str, Any]:
        return self.session.call("sagemaker", "describe_endpoint", EndpointName=self.endpoint_name)

    @property
    def serializer(self) -> Serializer | None:
        """What makes the request's body; None: chosen by what is given."""
        return self._serializer

    @serializer.setter
    def serializer(self, serializer: Serializer | Callable[[Any], bytes | str] | None) -> None:
        self._serializer = as_serializer(serializer)

    @property
    def deserializer(self) -> Deserializer:
        """What reads the answer. With a content type set as in 1.x it is JSON, as it was there."""
        return self._deserializer or (JSONDeserializer() if self._content_type else ArrayDeserializer())

    @deserializer.setter
    def deserializer(self, deserializer: Deserializer | Callable[..., Any] | None) -> None:
        self._deserializer = as_deserializer(deserializer)

    @property
    def endpoint(self) -> str:
        """1.x's name of `endpoint_name`."""
        note("Predictor.endpoint", "it is called endpoint_name here")
        return self.endpoint_name

    @property
    def content_type(self) -> str:
        """1.x's way to name the body's content type; a serializer has its own."""
        return self._content_type

    @content_type.setter
    def content_type(self, content_type: str) -> None:
        note("Predictor.content_type", "a serializer has its own, as iw.NumpySerializer() has")
        self._content_type = content_type

    @property
    def accept(self) -> str:
        """1.x's way to name the content type that is asked for; a deserializer has its own."""
        return self._accept

    @accept.setter
    def accept(self, accept: str) -> None:
        note("Predictor.accept", "a deserializer has its own, as iw.JSONDeserializer() has")
        self._accept = accept


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except RequestRefused as error:
        if "Could not find" not in str(error):
            raise


def _explained(error: RequestRefused, endpoint_name: str) -> Exception:
    """A model's own error with its status and text; any other as it is."""
    if error.code != "ModelError":
        return error
    status, text = error.answer.get("OriginalStatusCode", 500), error.answer.get("OriginalMessage", "")
    return InvocationFailed(endpoint_name, status, text or str(error))
