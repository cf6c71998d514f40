//! Rule `s3-public`: buckets and access points that are open to everyone, or to another account.

pub mod judge;
