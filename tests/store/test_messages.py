"""Messages: kept once each, their sound sealed in a file that appears whole, the number found by whoever must call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE

import pytest

from ivr.store.messages import Messages
from ivr.store.recordings import Recordings
from ivr.store.vault import VaultError
from tests.desk.house import NOON, House, call_id

CALL, CALLER = call_id(1), "+33639980001"
RECORDING, OTHER = "RE" + "1" * 32, "RE" + "2" * 32
SOUND = b"RIFF\x00\x01\xff a canary that sings" * 99


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    yield house
    house.engine.dispose()


@contextmanager
def opened(house: House) -> Iterator[Messages]:
    with house.engine.begin() as connection:
        yield Messages(connection, house.vault, Recordings(house.folder / "messages", house.vault))


def left(house: House, recording: str = RECORDING, number: str = CALLER, at: float = NOON) -> str:
    with opened(house) as messages:
        return messages.add(CALL, recording, number, 12.5, at)


def test_a_recording_is_one_message_however_often_it_is_told(house: House) -> None:
    first = left(house)
    assert left(house, at=NOON + 5) == first
    assert left(house, OTHER) != first
    with opened(house) as messages:
        assert [(message.seconds, message.at) for message in messages.of_call(CALL)] == [(12.5, NOON)] * 2
        assert messages.of_recording(CALL, RECORDING) == first
        assert messages.of_recording(call_id(2), RECORDING) is None


def test_a_message_is_shown_once_it_was_sent_and_is_done_once(house: House) -> None:
    message = left(house)
    with opened(house) as messages:
        assert messages.shown() == []
        assert not messages.done(message, NOON + 1)
        assert messages.keep(message)
        assert not messages.keep(message)
        [shown] = messages.shown()
        assert (shown.mask, shown.state, shown.done_at) == ("+336****01", "kept", None)
        assert messages.done(message, NOON + 9)
        assert not messages.done(message, NOON + 10)
        assert messages.shown("done")[0].done_at == NOON + 9
        assert messages.shown("kept") == []


def test_a_message_that_the_caller_throws_away_takes_sound_and_number_with_it(house: House) -> None:
    message = left(house)
    with opened(house) as messages:
        messages.attach(message, SOUND)
        assert messages.discard(message, NOON + 1)
        assert not messages.discard(message, NOON + 2)
        assert not messages.keep(message)
        assert (messages.sound(message), messages.number(message)) == (None, "")
        assert messages.of_call(CALL)[0].mask == ""


def test_what_was_sent_is_not_thrown_away(house: House) -> None:
    message = left(house)
    with opened(house) as messages:
        messages.attach(message, SOUND)
        messages.keep(message)
        assert not messages.discard(message, NOON)
        assert messages.sound(message) == SOUND


def test_the_number_to_call_back_is_sealed_and_a_withheld_one_is_nothing(house: House) -> None:
    message, withheld = left(house), left(house, OTHER, "")
    with opened(house) as messages:
        assert (messages.number(message), messages.number(withheld), messages.number("x")) == (CALLER, "", "")
    assert b"639980001" not in house.raw_bytes()


def test_a_message_is_deleted_with_its_sound(house: House) -> None:
    message = left(house)
    with opened(house) as messages:
        messages.attach(message, SOUND)
        assert messages.delete(message)
        assert not messages.delete(message)
        assert messages.sound(message) is None
        assert messages.of_call(CALL) == []


def test_messages_are_named_by_the_beginning_of_their_id(house: House) -> None:
    message = left(house)
    left(house, OTHER)
    with opened(house) as messages:
        assert messages.like(message[:8]) == [message]
        assert len(messages.like("")) == 2
        assert messages.like("%") == []


def test_a_sound_that_has_not_come_is_asked_for_again(house: House) -> None:
    message, other = left(house), left(house, OTHER)
    with opened(house) as messages:
        assert set(messages.soundless(0)) == {(message, RECORDING), (other, OTHER)}
        messages.attach(message, SOUND)
        messages.discard(other, NOON)
        assert messages.soundless(0) == []
        assert messages.has_sound(message)


# The sound


def test_a_sound_is_sealed_for_its_message_and_for_the_line_alone(house: House) -> None:
    recordings = Recordings(house.folder / "new" / "messages", house.vault)
    recordings.put("one", SOUND)
    [path] = (house.folder / "new" / "messages").iterdir()
    assert recordings.sound("one") == SOUND
    assert b"canary" not in path.read_bytes()
    assert (S_IMODE(path.stat().st_mode), S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    path.rename(path.with_name("two"))
    with pytest.raises(VaultError):
        recordings.sound("two")


def test_a_sound_is_there_whole_or_not_at_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = Recordings(house.folder / "messages", house.vault)
    recordings.put("one", b"the first")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            recordings.put("one", SOUND)
    assert recordings.sound("one") == b"the first"
    assert [path.name for path in (house.folder / "messages").iterdir()] == ["one"]
    recordings.put("one", SOUND)
    assert recordings.sound("one") == SOUND
