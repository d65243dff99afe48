"""A handler of TorchServe around ONNX Runtime."""

from onnx_model import Model


class Handler:
    """One worker, one request at a time."""

    def initialize(self, context):
        self.model = Model()

    def handle(self, data, context):
        """The model's scores of each request of a batch."""
        for index in range(len(data)):
            context.set_response_content_type(index, "application/json")
        bodies = [row.get("body", row.get("data")) for row in data]
        return [
            self.model.answer(bytes(body)) if isinstance(body, bytes | bytearray) else self.model.run(body)
            for body in bodies
        ]
