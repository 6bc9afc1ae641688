"""The flow on paper: each chapter as a page of A3, or as Mermaid. It knows charts (`ivr.flow.chart`), and no call."""
