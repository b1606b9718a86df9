"""What a site has to tell its hub, kept until the hub has it, and sent when the line allows."""
