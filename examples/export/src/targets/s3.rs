//! `s3://BUCKET/PREFIX`.

use super::{Kind, parquet};

pub(super) const KIND: Kind = Kind {
    schemes: &["s3"],
    usage: &[(
        "s3://BUCKET[/PREFIX]",
        "Parquet files in S3, with the same behind it and the environment's AWS_..",
    )],
    parse: parquet::parse,
};
