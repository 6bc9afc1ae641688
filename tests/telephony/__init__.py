"""Tests of ivr.telephony."""
