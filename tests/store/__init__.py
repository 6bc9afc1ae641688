"""Tests of ivr.store."""
