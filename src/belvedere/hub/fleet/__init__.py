"""Many sites: enrolment, certificates, the connections that sites hold open, and which of them answers for a camera."""
