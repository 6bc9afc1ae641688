"""What can go wrong in a simulated call, as one family of exceptions.

CallError                 the call cannot go on
├── UnreachableError      nobody answered at the address, or not within the carrier's 15 seconds
└── TwimlError            the line answered what Twilio would refuse, or log as an error

Each says where, what and the mend; once the phone has it, it also tells the call so far. Knows nothing of the line.
"""


class CallError(Exception):
    """The call cannot go on. `sentence` says why; `so_far` is the call until then, one event a line."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.so_far = ""

    def __str__(self) -> str:
        return f"{self.sentence}\nThe call so far:\n{self.so_far}" if self.so_far else self.sentence


class UnreachableError(CallError):
    """Nobody answered at `url`: connection refused, cut, or no answer in time (errors 11205, 11210, 11220)."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url}: {why}; is the line started, and is the address right?")
        self.url = url


class TwimlError(CallError):
    """The line answered what Twilio would refuse.

    `number` is the error that Twilio would log (twilio.com/docs/api/errors/<number>), `status` the HTTP status when
    that is what was wrong.
    """

    def __init__(self, number: int, sentence: str, status: int | None = None) -> None:
        super().__init__(f"Twilio error {number}: {sentence}")
        self.number = number
        self.status = status
