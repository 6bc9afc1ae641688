"""Tests of `ivr.speech`."""
