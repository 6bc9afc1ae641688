"""The history of the schema, one step a file in versions/, run by `ivr.store.database`."""
