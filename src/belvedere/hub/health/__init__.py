"""Faults as tickets, uptime, planned outages: what people do about what sites report."""
