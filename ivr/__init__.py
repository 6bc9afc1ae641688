"""A telephone line that repairs a telephone: flow, speech, desks, store, telephony, web, and a simulated telephone."""
