"""What the line costs, measured: each figure a ratio of two costs of the same run (`python -m bench`).

Nothing of production imports it, and no test depends on a time: it is for whoever changes the line and wonders.
"""
