"""Durable jobs: work that outlives the process that took it."""
