"""Tests of the faces: the JSON API and the pages."""
