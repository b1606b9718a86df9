"""Recordings made elsewhere: files in, fragments to the recorder. No keys, no database: a decoder may run here."""
