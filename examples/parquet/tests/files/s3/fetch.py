"""Brings every object of a bucket into a folder, by the client of AWS itself."""

import sys

import boto3

bucket, folder = sys.argv[1:]
s3 = boto3.client("s3")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for found in page.get("Contents", []):
        s3.download_file(bucket, found["Key"], f"{folder}/{found['Key'].replace('/', '_')}")
