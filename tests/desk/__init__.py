"""Tests of ivr.desk."""
