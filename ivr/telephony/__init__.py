"""The carrier's dialect, both ways: webhook forms and signatures in, TwiML out. Only this room knows Twilio."""
