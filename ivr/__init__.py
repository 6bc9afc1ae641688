"""A telephone line that repairs a telephone: call flow, speech, desks, store, telephony, web and a simulated telephone."""
