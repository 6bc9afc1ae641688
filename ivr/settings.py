"""Every setting of the line, its meaning and its default. The only reader of the environment."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MEANINGS: Mapping[str, str] = {
    "IVR_ENV": "« production » refuses to start without secrets; default « development »",
    "IVR_PUBLIC_URL": "the base address that Twilio calls, like https://ligne.example.com; default http://127.0.0.1:5000",
    "IVR_DATABASE_URL": "SQLAlchemy address; default an SQLite file in IVR_DATA_DIR",
    "IVR_DATA_DIR": "folder for what the line keeps; default ./var",
    "IVR_PROMPTS_DIR": "the script; default prompts/",
    "IVR_AUDIO_DIR": "the clips; default audio/",
    "IVR_SECRET_KEY": "seals what is kept, signs what is handed out; `new,old` while one is replaced",
    "IVR_NUMBERS": "our own numbers in E.164, separated by commas; calls to others are refused; default any",
    "IVR_VOICE": "the voice of the clips: kokoro (shipped), pico, gtts, or carrier for the carrier's own",
    "IVR_SOFTPHONE": "1 serves the browser phone and the listening page; default 0 in production, else 1",
    "IVR_WORKERS": "web processes of ivr serve; default 1",
    "IVR_SMS_FROM": "who texts come from: a number of ours, a name, or a messaging service MG…; default no texts",
    "IVR_SMS_AN_HOUR": "texts an hour at most, over everybody: a bill that cannot run away; default 300",
    "IVR_AGENT": "the telephone of the people behind the line, in E.164: key 0 rings it; default none",
    "IVR_CALLBACKS": "1 lets the line place the calls that it promised (call-backs, the repaired telephone); default 0",
    "IVR_HANDOVER_URL": "a webhook of yours, told (signed) what was done when a call goes to a person; default none",
    "IVR_HANDOVER_SECRET": "what that webhook checks our signature with; required with it",
    "IVR_WORKER": "0 leaves what is done between calls to `ivr worker`; default 1: each web process does it too",
    "IVR_PROXIES": "how many proxies stand in front: the page that reads an address trusts so many; default 0",
    "OVH_ENDPOINT": "OVH's API: ovh-eu, or an address that ends in /1.0; default ovh-eu",
    "OVH_APPLICATION_KEY": "with the two below: lines, addresses and codes come from OVH; default our own register",
    "OVH_APPLICATION_SECRET": "the secret of that application",
    "OVH_CONSUMER_KEY": "the consumer key that a customer of OVH has granted it",
    "TWILIO_API_KEY": "an API key (SK…) for texts; default the account itself",
    "TWILIO_API_SECRET": "its secret; default the auth token",
    "TWILIO_API_URL": "where Twilio's API is; default https://api.twilio.com",
    "TWILIO_ACCOUNT_SID": "our account; webhooks of others are refused; default any",
    "TWILIO_AUTH_TOKEN": "checks signatures; two separated by a comma while one is replaced; required in production",
}


SECRETS = (
    "IVR_SECRET_KEY",
    "IVR_DATABASE_URL",
    "IVR_HANDOVER_SECRET",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_KEY",
    "TWILIO_API_SECRET",
    "OVH_APPLICATION_KEY",
    "OVH_APPLICATION_SECRET",
    "OVH_CONSUMER_KEY",
)
"""Settings that may be in a file: the one that NAME_FILE names, or NAME in systemd's CREDENTIALS_DIRECTORY.

A process's environment is inherited by all that it starts and shown by /proc; a file is read once. Of a value that may
hold several, a file may hold one a line.
"""

SOFTPHONE = "telephone"
"""Where the browser phone leaves what it has recorded, under IVR_DATA_DIR, for the carrier's stand-in."""

OVH_KEYS = ("OVH_APPLICATION_KEY", "OVH_APPLICATION_SECRET", "OVH_CONSUMER_KEY")

VOICES = ("kokoro", "pico", "gtts", "carrier")
"""What IVR_VOICE can be; the first is what the line is shipped with."""


class SettingsError(Exception):
    """Settings that the line cannot start with; the message lists each with its mend."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked. `auth_tokens` empty means that signatures are not checked."""

    production: bool
    public_url: str
    database_url: str
    data_dir: Path
    prompts_dir: Path
    audio_dir: Path
    secret_keys: tuple[bytes, ...]
    numbers: frozenset[str]
    voice: str
    softphone: bool
    workers: int
    proxies: int
    sms_from: str
    sms_an_hour: int
    agent: str
    callbacks: bool
    handover_url: str
    handover_secret: bytes
    worker: bool
    ovh_endpoint: str
    ovh_keys: tuple[str, ...]
    own_number: str
    api_key: str
    api_secret: str
    api_url: str
    account_sid: str
    auth_tokens: tuple[str, ...]

    @property
    def path_prefix(self) -> str:
        """The path in front of ours, when the line is served below one: « /ligne » of https://example.com/ligne."""
        return urlsplit(self.public_url).path.rstrip("/")


def settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises SettingsError with every missing or wrong one.
    """
    problems: list[str] = []
    env = with_secrets(os.environ if environment is None else environment, problems)
    production = env.get("IVR_ENV", "development") == "production"
    data_dir = Path(env.get("IVR_DATA_DIR", "var")).absolute()
    found = Settings(
        production=production,
        public_url=_public_url(env, problems),
        database_url=env.get("IVR_DATABASE_URL") or f"sqlite:///{data_dir / 'ligne.sqlite'}",
        data_dir=data_dir,
        prompts_dir=prompts_dir(env),
        audio_dir=_folder(env, "IVR_AUDIO_DIR", "audio"),
        secret_keys=_secret_keys(env, data_dir, problems, production=production),
        numbers=frozenset(_listed(env, "IVR_NUMBERS")),
        voice=env.get("IVR_VOICE") or VOICES[0],
        softphone=env.get("IVR_SOFTPHONE", "0" if production else "1") == "1",
        workers=_number(env, "IVR_WORKERS", 1, 64, problems),
        proxies=_number(env, "IVR_PROXIES", 0, 9, problems),
        sms_from=env.get("IVR_SMS_FROM", ""),
        sms_an_hour=_number(env, "IVR_SMS_AN_HOUR", 1, 100_000, problems, default=300),
        agent=_telephone(env, "IVR_AGENT", problems),
        callbacks=env.get("IVR_CALLBACKS", "0") == "1",
        handover_url=_address(env, "IVR_HANDOVER_URL", problems, production=production),
        handover_secret=env.get("IVR_HANDOVER_SECRET", "").encode(),
        worker=env.get("IVR_WORKER", "1") == "1",
        ovh_endpoint=env.get("OVH_ENDPOINT") or "ovh-eu",
        ovh_keys=_ovh_keys(env, problems),
        own_number=next(iter(_listed(env, "IVR_NUMBERS")), ""),
        api_key=env.get("TWILIO_API_KEY") or env.get("TWILIO_ACCOUNT_SID", ""),
        api_secret=env.get("TWILIO_API_SECRET") or next(iter(_listed(env, "TWILIO_AUTH_TOKEN")), ""),
        api_url=env.get("TWILIO_API_URL") or "https://api.twilio.com",
        account_sid=env.get("TWILIO_ACCOUNT_SID", ""),
        auth_tokens=_listed(env, "TWILIO_AUTH_TOKEN"),
    )
    if production and not found.auth_tokens:
        problems.append("TWILIO_AUTH_TOKEN is missing: without it anybody could place calls; copy it from the console")
    if found.handover_url and len(found.handover_secret) < 32:
        problems.append("IVR_HANDOVER_SECRET is shorter than 32 characters: make one with `openssl rand -hex 32`")
    if found.callbacks and not (found.agent and found.own_number):
        problems.append("IVR_CALLBACKS needs IVR_AGENT, who is rung first, and IVR_NUMBERS, the number that is shown")
    if found.agent and not found.own_number:
        problems.append("IVR_AGENT needs IVR_NUMBERS: a call is put through under our own number (Twilio error 13214)")
    if found.voice not in VOICES:
        problems.append(f"IVR_VOICE is '{found.voice}': it must be one of {', '.join(VOICES)}")
    if problems:
        raise SettingsError("\n".join(problems))
    return found


def prompts_dir(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of the script, whatever else is set: a script can be checked where no line runs."""
    return _folder(os.environ if environment is None else environment, "IVR_PROMPTS_DIR", "prompts")


def _public_url(env: Mapping[str, str], problems: list[str]) -> str:
    url = env.get("IVR_PUBLIC_URL", "http://127.0.0.1:5000").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        problems.append(f"IVR_PUBLIC_URL is '{url}': it must be the base address alone, like https://ligne.example.com")
    return url


def _folder(env: Mapping[str, str], name: str, default: str) -> Path:
    """The folder that is set; else the one of the source tree; else the one that was installed with the package."""
    if given := env.get(name):
        return Path(given).absolute()
    package = Path(__file__).parent
    beside = package.parent / default
    return beside if (package.parent / "pyproject.toml").exists() else package / "data" / default


def _listed(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(filter(None, (item.strip() for item in env.get(name, "").split(","))))


def _number(
    env: Mapping[str, str], name: str, low: int, high: int, problems: list[str], default: int | None = None
) -> int:
    value = env.get(name) or str(low if default is None else default)
    if not value.isdecimal() or not low <= int(value) <= high:
        problems.append(f"{name} is '{value}': it must be a number from {low} to {high}")
        return low
    return int(value)


def _telephone(env: Mapping[str, str], name: str, problems: list[str]) -> str:
    value = env.get(name, "")
    if value and not re.fullmatch(r"\+[1-9]\d{6,14}", value, re.ASCII):
        problems.append(f"{name} is no telephone number: write it in E.164, like +33199000001")
    return value


def _address(env: Mapping[str, str], name: str, problems: list[str], *, production: bool) -> str:
    value = env.get(name, "")
    if value and (urlsplit(value).scheme not in ("https",) if production else not urlsplit(value).hostname):
        problems.append(f"{name} is '{value}': it must be an address like https://support.example.com/appels")
    return value


def _ovh_keys(env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    """The three keys of OVH's API; none of them when the register alone is used."""
    given = {name: env.get(name, "") for name in OVH_KEYS}
    missing = [name for name, value in given.items() if not value]
    if missing and len(missing) < len(given):
        problems.append(f"{', '.join(missing)} is missing: OVH's API needs all three keys, or none of them")
    return () if missing else tuple(given.values())


def with_secrets(environment: Mapping[str, str], problems: list[str]) -> Mapping[str, str]:
    """The environment, with what its files hold; a file that cannot be read is a problem, told without its content."""
    found = dict(environment)
    for name, path in secret_files(environment).items():
        if environment.get(name):
            problems.append(f"{name} is set, and in {path} as well: keep one of the two")
            continue
        try:
            found[name] = ",".join(path.read_text().split())
        except (OSError, ValueError) as error:
            problems.append(f"{name} cannot be read from {path} ({type(error).__name__}): see who may read that file")
    return found


def without_secrets(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as far as it is no secret, nor where one is."""
    places = {"CREDENTIALS_DIRECTORY", *SECRETS, *(f"{name}_FILE" for name in SECRETS)}
    return {name: value for name, value in environment.items() if name not in places}


def secret_files(environment: Mapping[str, str] | None = None) -> Mapping[str, Path]:
    """The files that secrets are read from, by the name of the setting."""
    env = os.environ if environment is None else environment
    return {name: path for name in SECRETS if (path := _secret_file(env, name))}


def _secret_file(env: Mapping[str, str], name: str) -> Path | None:
    if given := env.get(f"{name}_FILE"):
        return Path(given)
    credential = Path(env.get("CREDENTIALS_DIRECTORY", "")) / name
    return credential if env.get("CREDENTIALS_DIRECTORY") and credential.exists() else None


def _secret_keys(env: Mapping[str, str], data_dir: Path, problems: list[str], *, production: bool) -> tuple[bytes, ...]:
    given = _listed(env, "IVR_SECRET_KEY")
    if any(len(key) < 32 for key in given):
        problems.append("IVR_SECRET_KEY is shorter than 32 characters: make one with `openssl rand -hex 32`")
    if given:
        return tuple(key.encode() for key in given)
    if production:
        problems.append("IVR_SECRET_KEY is missing: make one with `openssl rand -hex 32`")
        return ()
    return (_kept_key(data_dir / "secret-key"),)


def _kept_key(path: Path) -> bytes:
    """A key for development, made once: calls survive a restart, and no two checkouts share it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first, and its key stands
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes()
