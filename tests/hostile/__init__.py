"""The hostile line: what is thrown at the line, what must hold, and how what breaks is told."""
