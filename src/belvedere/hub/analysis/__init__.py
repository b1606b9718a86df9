"""Analysis of footage as the hub sees it: orders and standing grants of sites, jobs for cases, cards of models."""
