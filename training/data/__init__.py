"""Pictures and captions: records, folders, buckets."""
