"""The bars of facts/reliability.md in full, with what came of them: `make torture` writes docs/torture.md.

To add a bar, write a function in any module of this folder, and nothing else: it is found.

    @trial("B3", seconds=60)
    def codes_for_a_crowd(size: Size) -> Iterator[Bar]:
        seen = attack(guesses=size.of(1_000_000, least=1_000), seed=size.seed)
        yield Bar("errors heard", wanted="0", reached=f"{seen.errors}", holds=not seen.errors)

Each trial runs in a process of its own, two at once, the longest first. `beside=True` is for one that is long and
light: it runs beside the others from the beginning, as the soaks do. `alone=True` is for one that measures time: it
runs at the end, when no other does but those.

`size.of` makes the number smaller when less than the whole is asked for (`--quick`), `size.went(0.4)` moves the
progress. What a bar says it reached names the numbers that were really used. Nothing here is part of `make test`.
"""
