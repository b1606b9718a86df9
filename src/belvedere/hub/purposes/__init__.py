"""Purposes: why footage may be opened, as the data protection officer has it written down."""
