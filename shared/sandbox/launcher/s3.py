"""What S3 and S3 control do and moto does not.

API is https://docs.aws.amazon.com/AmazonS3/latest/API, GUIDE is https://docs.aws.amazon.com/AmazonS3/latest/userguide
"""

from moto.core import serialize
from moto.core.serialize import RestXMLSerializer

# ---------------------------------------------------------------------------------------------------------
# The wire


# API/API_control_GetAccessPoint.html and others: the answer's root element, which moto names after the operation.
class ControlSerializer(RestXMLSerializer):
    def _serialized_result_to_response(self, resp, result, shape, serialized_result):
        if shape is not None and "payload" not in shape.serialization:
            shape.serialization["resultWrapper"] = shape.name
        return super()._serialized_result_to_response(resp, result, shape, serialized_result)


serialize.SERVICE_SPECIFIC_SERIALIZERS["s3control"] = {"rest-xml": ControlSerializer}
