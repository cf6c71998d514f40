//! Takes back public access to S3.
use aws_sdk_s3 as _;
use aws_sdk_s3control as _;
