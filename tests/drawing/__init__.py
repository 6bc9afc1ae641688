"""The pictures of the flow."""
