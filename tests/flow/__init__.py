"""Tests of ivr.flow."""
