"""What `ivr doctor` finds."""
