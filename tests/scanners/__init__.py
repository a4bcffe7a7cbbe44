"""Pixels to text: what is accepted, what is read, what is believed, and what happens when reading goes wrong."""
