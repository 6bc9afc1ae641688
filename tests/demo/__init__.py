"""Tests of ivr.demo."""
