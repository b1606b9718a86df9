"""The Merkle log's mathematics and formats (RFC 6962, C2SP tlog): pure, used by hub, sites and verifiers."""
