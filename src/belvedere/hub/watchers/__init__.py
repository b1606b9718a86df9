"""Watching those who watch: detectors over the audit log, the data protection officer's queue, the sample of grants."""
