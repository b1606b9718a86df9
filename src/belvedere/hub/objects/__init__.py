"""The object store: finished files of the hub, in a folder or on S3."""
