"""Hiding people in pictures, before a picture leaves the site."""
