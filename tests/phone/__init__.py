"""Tests of the simulated telephone: each rule of Twilio with its address above the test that proves it."""
