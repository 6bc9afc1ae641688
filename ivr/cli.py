"""The `ivr` command. Each subcommand imports what it needs when it runs: `ivr --help` must answer at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

CODES = "importer, lister, révoquer, remettre en réserve ceux qui sont en doute"

TOLD = ("ScriptError", "SpeechError", "SmsError", "HoursError", "DamagedError", "VersionError", "ArgumentError")
"""Errors whose message is made for whoever runs the command. By name: what they are of is imported when it is used."""

DONE, DOES_NOT_HOLD, WRONG_USAGE = 0, 1, 2
"""Exit codes: done; what was asked does not hold (check, call); wrong usage or settings."""

EXAMPLES = """exemples :
  ivr serve                       la ligne, sur http://127.0.0.1:5000
  ivr call                        l'appeler depuis ce terminal
  ivr call --keys 2,1             l'appeler en tapant 2, puis 1
  ivr call --hostile              attaquer une ligne d'essai, par tous les moyens
  ivr check                       prouver le script, avant de le mettre en service
  ivr explain bouton.ethernet     une étape : comment on y arrive, ce qu'on entend, où mène chaque touche
  ivr paths                       jusqu'où un appel peut aller dans le script
  ivr draw                        dessiner le script, un chapitre par page A3
  ivr new mon-script              commencer un script, pour un autre appareil
  ivr publish prompts/            mettre le script en service, sans arrêter la ligne
  ivr revisions                   les scripts publiés, et les appels sur chacun
  ivr rollback                    revenir au script d'avant
  ivr replay --script nouveau/    où iraient les appels passés, sur un autre script
  ivr record CA0123               un appel de la base, écrit comme un essai à rejouer
  ivr speak                       faire les clips des phrases qui ont changé
  ivr hours                       les heures des conseillers
  ivr worker                      ce qui se fait entre les appels, à côté de `ivr serve`
  ivr read                        le texte à faire enregistrer par une personne
  ivr lines import lines.csv      les lignes que l'on dépanne, et le mobile de chacune
  ivr codes import codes.csv      les codes que la ligne peut donner
  ivr audit                       qui a fait quoi
  ivr doctor                      ce qui manque avant d'ouvrir la ligne
  ivr calls                       les derniers appels, et comment chacun a fini
  ivr messages list               les messages laissés, à écouter et à traiter
  ivr callbacks list              les rappels promis
  ivr keys renew                  rechiffrer avec la nouvelle clé
  ivr purge --dry-run             ce qui est arrivé à terme, sans rien effacer
  ivr forget +33639980001         effacer un numéro partout
  ivr db backup                   sauvegarder la base, la ligne en marche
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except KeyboardInterrupt:
        return DONE
    except BrokenPipeError:  # whoever read us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if type(error).__name__ == "SettingsError":
            return _complain(str(error), WRONG_USAGE)
        if type(error).__name__ in TOLD:
            return _complain(str(error), DOES_NOT_HOLD)
        if type(error).__name__ == "OperationalError":
            return _complain(f"La base ne répond pas : {getattr(error, 'orig', error)}".strip(), DOES_NOT_HOLD)
        raise


def _complain(why: str, code: int) -> int:
    print(why, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ivr",
        description="La ligne qui dépanne un téléphone : la servir, l'appeler, la prouver.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commandes", metavar="COMMANDE", required=True)

    serve = _command(commands, "serve", _serve, "servir la ligne, réglée par l'environnement", "ivr serve --port 8080")
    serve.add_argument("--host", default="127.0.0.1", help="adresse d'écoute (127.0.0.1)")
    serve.add_argument("--demo", action="store_true", help="un client et des codes d'essai ; les SMS s'affichent ici")
    serve.add_argument("--port", type=int, default=5000, help="port (5000 ; 0 : un port libre)")

    _command(commands, "worker", _worker, "ce qui se fait entre les appels, à côté de `ivr serve`", "ivr worker")

    call = _command(commands, "call", _call, "appeler une ligne depuis le terminal", "ivr call --keys 2,1")
    call.add_argument("url", nargs="?", default="", help="adresse du webhook (http://127.0.0.1:5000/voice)")
    call.add_argument("--keys", help="touches tapées l'une après l'autre, séparées par des virgules, sans attendre")
    call.add_argument("--record", metavar="FICHIER", help="écrire l'appel dans ce fichier, comme un essai à rejouer")
    call.add_argument("--hostile", action="store_true", help="attaquer une ligne d'essai : tout ce qui peut aller mal")
    call.add_argument("--seed", type=int, default=1, help="graine de l'attaque : la même refait la même (1)")
    call.add_argument("--calls", type=int, default=200, help="combien d'appels hostiles (200)")
    call.add_argument(
        "--towards", metavar="ETAPE", default="", help="où les appelants hostiles veulent arriver (partout)"
    )
    call.add_argument("--replay", metavar="FICHIER.call", help="rejouer une attaque que --hostile a écrite")
    call.add_argument("--from", dest="caller", default="+33639980001", help="numéro qui appelle, ou « anonymous »")

    new = _command(commands, "new", _new, "commencer un script, pour un autre appareil", "ivr new mon-script")
    new.add_argument("folder", metavar="DOSSIER", help="le dossier à créer ; s'il existe, il doit être vide")

    speak = _command(
        commands, "speak", _speak, "faire les clips qui manquent, et ceux-là seulement", "ivr speak --check"
    )
    speak.add_argument(
        "--check", action="store_true", help="dire ce qui manque, est périmé ou orphelin, sans rien faire"
    )
    speak.add_argument("--prune", action="store_true", help="jeter aussi les clips que plus rien ne dit")
    speak.add_argument("--engine", help="la voix : kokoro, pico, gtts (IVR_VOICE, sinon kokoro)")
    speak.add_argument(
        "--measure", action="store_true", help="mesurer tous les clips : sonie, crêtes, silences, compte"
    )
    speak.add_argument("--play", metavar="ETAPE", help="jouer une étape sur les haut-parleurs de cette machine")
    speak.add_argument("--fetch-voice", action="store_true", help="installer les fichiers de la voix kokoro")

    _command(commands, "read", _read, "le texte à enregistrer, en Markdown", "ivr read > texte.md")

    _operator_commands(commands)
    check = _command(commands, "check", _check, "prouver le script : toutes les fautes, ou rien", "ivr check")
    check.add_argument("folder", nargs="?", default="", help="dossier du script (IVR_PROMPTS_DIR, sinon prompts/)")
    check.add_argument("--audio", metavar="DOSSIER", default="", help="ses clips, à vérifier aussi (IVR_AUDIO_DIR)")
    check.add_argument("--accept", action="store_true", help="garder où mène chaque choix, tel que vous l'avez relu")
    check.add_argument("--json", action="store_true", help="les fautes et les mesures, pour un programme")
    check.add_argument("--measures", action="store_true", help="ce qui est mesuré, et sa borne (limites.toml)")

    paths = _command(commands, "paths", _paths, "jusqu'où un appel peut aller dans le script", "ivr paths --list")
    paths.add_argument("folder", nargs="?", default="", help="dossier du script (IVR_PROMPTS_DIR, sinon prompts/)")
    paths.add_argument("--list", action="store_true", help="l'appel le plus court vers chaque étape et chaque suite")

    _drawing_commands(commands)
    _release_commands(commands)
    about = "ce qui manque, ou n'est pas sûr, avant d'ouvrir la ligne"
    doctor = _command(commands, "doctor", _doctor, about, "ivr doctor --json")
    doctor.add_argument("--json", action="store_true", help="les constats, pour un programme")
    doctor.add_argument("--local", action="store_true", help="ne rien demander au réseau : ni Twilio, ni OVH, ni DNS")

    hours = _command(commands, "hours", _hours, "les heures des conseillers", 'ivr hours --at "2026-12-24 17:00"')
    hours.add_argument("--at", metavar="INSTANT", type=_instant, help="à cet instant, heure de Paris (maintenant)")
    return parser


def _drawing_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The script on paper."""
    draw = _command(commands, "draw", _draw, "dessiner le script, un chapitre par page A3", "ivr draw --calls")
    draw.add_argument("to", nargs="?", default="", metavar="DOSSIER", help="où écrire (IVR_DATA_DIR/dessin)")
    draw.add_argument("--chapter", metavar="NOM", default="", help="ce chapitre seulement")
    draw.add_argument("--calls", action="store_true", help="avec les appels de la base : combien, et où ils se perdent")
    draw.add_argument("--days", type=float, default=30.0, metavar="N", help="les appels des N derniers jours (30)")
    draw.add_argument("--mermaid", action="store_true", help="en Mermaid, à l'écran, pour un README")
    draw.add_argument("--script", metavar="DOSSIER", default="", help="un autre script (IVR_PROMPTS_DIR)")

    about = "une étape : comment on y arrive, ce qu'on entend, où mène chaque touche"
    explain = _command(commands, "explain", _explain, about, "ivr explain bouton.ethernet")
    explain.add_argument("step", metavar="ETAPE", help="son nom, comme bouton.ethernet")
    explain.add_argument("--script", metavar="DOSSIER", default="", help="un autre script (IVR_PROMPTS_DIR)")


def _release_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Which script is live."""
    about = "mettre un script en service, s'il tient : les appels en cours finissent sur le leur"
    publish = _command(commands, "publish", _release, about, "ivr publish prompts/")
    publish.add_argument("folder", metavar="DOSSIER", help="dossier du script ; ses clips sont dans IVR_AUDIO_DIR")

    revisions = _command(
        commands, "revisions", _release, "les scripts publiés, et les appels sur chacun", "ivr revisions"
    )
    revisions.add_argument("revision", nargs="?", default="", metavar="REV", help="celle à récrire dans un dossier")
    revisions.add_argument("--to", metavar="DOSSIER", help="ce dossier (par défaut, du nom donné)")

    about = "revenir au script d'avant, ou à celui-ci"
    rollback = _command(commands, "rollback", _release, about, "ivr rollback 2")
    rollback.add_argument("revision", nargs="?", default="", metavar="REV", help="son numéro, ou le début de son nom")

    about = "rejouer les appels passés sur un script, et dire lesquels iraient ailleurs"
    replay = _command(commands, "replay", _replay, about, "ivr replay --since 30d --script nouveau/")
    replay.add_argument("--since", default="30d", metavar="DUREE", help="depuis quand : 12h, 30d, 2w (30d)")
    replay.add_argument("--script", default="", metavar="DOSSIER", help="le script (IVR_PROMPTS_DIR, sinon prompts/)")

    about = "écrire un appel de la base comme un essai que l'on peut rejouer"
    record = _command(commands, "record", _replay, about, "ivr record CA0123 --to tests/calls/appel.call")
    record.add_argument("call", metavar="APPEL", help="le début de son id (ivr calls)")
    record.add_argument("--to", default="", metavar="FICHIER", help="où l'écrire (sans cela, à l'écran)")


def _operator_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The back office: the register of lines, the pool of codes, the audit."""
    lines = _command(commands, "lines", _operate, "le registre des lignes", "ivr lines import lines.csv --dry-run")
    lines.add_argument("what", choices=["import", "list", "pin", "unlock"], help="importer, lister, PIN, débloquer")
    lines.add_argument("argument", nargs="?", default="", metavar="FICHIER|NUMERO", help="lines.csv, ou le numéro")
    lines.add_argument("--dry-run", action="store_true", help="dire ce qui serait fait, sans rien changer")

    codes = _command(commands, "codes", _operate, "la réserve de codes", "ivr codes import codes.csv")
    codes.add_argument("what", choices=["import", "list", "revoke", "confirm"], help=CODES)
    codes.add_argument("argument", nargs="?", default="", metavar="FICHIER|ID", help="codes.csv, ou le début de l'id")
    codes.add_argument("--dry-run", action="store_true", help="dire ce qui serait fait, sans rien changer")

    audit = _command(commands, "audit", _operate, "qui a fait quoi, et si la chaîne tient", "ivr audit --limit 100")
    audit.add_argument("--limit", type=int, default=50, help="combien de lignes, les dernières (50)")
    audit.set_defaults(what="audit", argument="", dry_run=False)
    _caller_commands(commands)
    _keeper_command(commands)


def _keeper_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The database itself."""
    about = "la base : mettre à jour, vérifier, sauvegarder, reprendre une sauvegarde"
    base = _command(commands, "db", _keep, about, "ivr db backup /sauvegardes/ligne.sqlite")
    kinds = ["upgrade", "check", "backup", "restore"]
    base.add_argument("what", choices=kinds, help="mettre à jour, vérifier, sauvegarder, reprendre")
    base.add_argument("argument", nargs="?", default="", metavar="SAUVEGARDE", help="le fichier (backups/ sinon)")
    base.add_argument("--replace", action="store_true", help="reprendre, même si la base contient déjà des appels")


def _caller_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What callers left behind: calls, messages, call-backs; and letting go of it."""
    calls = _command(commands, "calls", _operate, "les derniers appels, et leur fin", "ivr calls --limit 50")
    calls.add_argument("--limit", type=int, default=20, help="combien d'appels, les derniers (20)")
    calls.set_defaults(what="calls")

    play = "ivr messages play 3f2a --to message.wav"
    messages = _command(commands, "messages", _operate, "les messages laissés : écouter, rappeler, traiter", play)
    kinds = ["list", "play", "number", "done", "delete"]
    messages.add_argument("what", choices=kinds, help="lister, écouter, numéro à rappeler, traité, effacer")
    messages.add_argument("argument", nargs="?", default="", metavar="ID", help="le début de l'id")
    messages.add_argument("--to", metavar="FICHIER", help="où écrire le son (sans cela : play 3f2a | aplay)")

    callbacks = _command(commands, "callbacks", _operate, "les rappels promis", "ivr callbacks done 3f2a")
    callbacks.add_argument("what", choices=["list", "number", "done"], help="lister, numéro à rappeler, fait")
    callbacks.add_argument("argument", nargs="?", default="", metavar="ID", help="le début de l'id")

    keys = _command(commands, "keys", _operate, "rechiffrer ce qui est gardé, une clé remplacée", "ivr keys renew")
    keys.add_argument("what", choices=["renew"], help="rechiffrer avec la première clé d'IVR_SECRET_KEY")

    about = "effacer ce qui est arrivé à terme (la ligne le fait chaque jour)"
    purge = _command(commands, "purge", _operate, about, "ivr purge --dry-run")
    forget = _command(commands, "forget", _operate, "effacer un numéro partout", "ivr forget +33639980001 --dry-run")
    forget.add_argument("argument", metavar="NUMERO", help="le numéro, comme +33639980001 ou 06 39 98 00 01")
    for name, command in (("purge", purge), ("forget", forget)):
        command.add_argument("--dry-run", action="store_true", help="dire ce qui serait effacé, sans rien changer")
        command.set_defaults(what=name)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
    example: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=purpose, description=purpose, epilog=f"exemple : {example}")
    command.set_defaults(run=run, command=name)
    return command


def _serve(chosen: argparse.Namespace) -> int:
    from ivr.publishing import started_with
    from ivr.settings import settings

    port = chosen.port or _free_port(chosen.host)
    os.environ.setdefault("IVR_PUBLIC_URL", f"http://{chosen.host}:{port}")
    if chosen.demo:
        _prepare_demo()
    found = settings()
    steps, script = started_with(found)
    welcome = [f"La ligne répond sur {found.public_url}/voice ({steps} étapes, base {_shown(found.database_url)})."]
    welcome += script
    if not found.auth_tokens:
        welcome.append("Signatures non vérifiées : TWILIO_AUTH_TOKEN n'est pas réglé. À ne jamais faire sur internet.")
    if chosen.demo:
        welcome.append("Démonstration : la ligne 01 99 00 00 07 est au mobile qui appelle ; ses SMS s'affichent ici.")
    if found.softphone:
        welcome.append(f"Dans un navigateur : {found.public_url}/telephone (tous les textes : /ecoute)")
    welcome.append("Dans un autre terminal : .venv/bin/ivr call      (Ctrl-C pour arrêter la ligne)")

    from ivr.web.server import serve

    serve(chosen.host, port, found.workers, lambda: print("\n".join(welcome), flush=True))
    return DONE


def _worker(_chosen: argparse.Namespace) -> int:
    """Run the rounds until SIGTERM or SIGINT; what is being sent is finished first."""
    import signal
    from threading import Event

    from ivr.settings import settings
    from ivr.web.app import create_app
    from ivr.web.logs import log_to_stderr
    from ivr.web.server import workers_of

    log_to_stderr()
    over = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    workers = workers_of(create_app(settings()))
    for worker in workers:
        worker.start()
    print("Au travail, entre les appels (Ctrl-C pour arrêter).", flush=True)
    over.wait()
    for worker in workers:
        worker.stop()
    return DONE


def _prepare_demo() -> None:
    """A customer, codes, and a carrier on loopback that shows its texts. Nothing of it in production."""
    from ivr.demo.line import carrier, give_demo_data, texts_through
    from ivr.settings import SOFTPHONE, SettingsError, settings
    from ivr.store.database import open_database
    from ivr.store.vault import Vault

    found = settings()
    if found.production:
        raise SettingsError("--demo gives out codes of nobody's telephone: not with IVR_ENV=production")
    engine = open_database(found.database_url)
    give_demo_data(engine, Vault(found.secret_keys))
    engine.dispose()
    os.environ.update(texts_through(carrier(found.data_dir / SOFTPHONE)))


def _free_port(host: str) -> int:
    """A port that nobody uses, for `--port 0`."""
    import socket

    with socket.create_server((host, 0)) as free:
        return int(free.getsockname()[1])


def _shown(database_url: str) -> str:
    """The address of the database without its password."""
    head, at, tail = database_url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else database_url


def _call(chosen: argparse.Namespace) -> int:
    if chosen.hostile or chosen.replay:
        return _attack(chosen)
    from functools import partial

    from ivr.phone.terminal import call
    from ivr.settings import with_secrets

    url = chosen.url or f"{os.environ.get('IVR_PUBLIC_URL', 'http://127.0.0.1:5000').rstrip('/')}/voice"
    keys = [key.strip() for key in chosen.keys.split(",") if key.strip()] if chosen.keys is not None else None
    env = with_secrets(os.environ, [])
    token = env.get("TWILIO_AUTH_TOKEN", "").partition(",")[0] or None
    account = env.get("TWILIO_ACCOUNT_SID", "")
    calling = partial(call, url, keys, token, caller=chosen.caller, account=account or None)
    if not chosen.record:
        return calling()
    try:
        with Path(chosen.record).open("x", encoding="utf-8") as file:
            return calling(record=file)
    except FileExistsError:
        return _complain(f"{chosen.record} existe déjà : donnez un autre nom.", WRONG_USAGE)


def _attack(chosen: argparse.Namespace) -> int:
    """Attack a line of one's own, in this process: nobody's else is to be stormed."""
    if chosen.url:
        return _complain("--hostile attaque une ligne d'essai, faite pour cela : n'écrivez pas d'adresse.", WRONG_USAGE)
    from ivr.check import script_settings
    from ivr.hostile.command import attack, replay
    from ivr.hostile.storm import Plan, Where

    found = script_settings()
    where = Where(found.prompts_dir.resolve(), found.audio_dir.resolve())
    if chosen.replay:
        return replay(where, Path(chosen.replay))
    goals = (chosen.towards,) if chosen.towards else ()
    processes = (os.cpu_count() or 1) + 1  # each waits for the disk now and then
    return attack(where, Plan(chosen.seed, chosen.calls, processes, goals))


def _check(chosen: argparse.Namespace) -> int:
    from ivr.check import accept, check, script_settings

    found = script_settings(chosen.folder, chosen.audio)
    if chosen.accept:
        print(f"{accept(found)} : c'est ainsi que chaque choix a été relu.")
    report = check(found, clips=bool(chosen.audio or not chosen.folder))
    if chosen.json:
        print(report.as_json())
        return DONE if report.holds() else DOES_NOT_HOLD
    if chosen.measures:
        print(report.table())
    if not report.holds():
        return _complain("\n".join(map(str, report.findings)), DOES_NOT_HOLD)
    print(f"{report.folder} : {report.steps} étapes, {report.prompts} textes, tout tient.")
    return DONE


def _paths(chosen: argparse.Namespace) -> int:
    from pathlib import Path

    from ivr.paths import paths
    from ivr.settings import prompts_dir

    found = paths(Path(chosen.folder) if chosen.folder else prompts_dir())
    print("\n".join(found.calls) if chosen.list else found.table)
    if found.findings:
        return _complain("\n".join(map(str, found.findings)), DOES_NOT_HOLD)
    return DONE


def _draw(chosen: argparse.Namespace) -> int:
    from ivr.draw import draw
    from ivr.drawing.layout import DrawingError

    try:
        return draw(chosen)
    except DrawingError as why:
        return _complain(str(why), WRONG_USAGE)


def _new(chosen: argparse.Namespace) -> int:
    from pathlib import Path

    from ivr.new import MANUAL, NewScriptError, begin, next_steps
    from ivr.settings import prompts_dir

    folder = Path(chosen.folder)
    try:
        print(next_steps(folder, begin(folder, prompts_dir({}) / MANUAL)))
    except NewScriptError as error:
        return _complain(str(error), WRONG_USAGE)
    return DONE


def _doctor(chosen: argparse.Namespace) -> int:
    from rich.console import Console

    from ivr.doctor import examined, refused
    from ivr.doctor.looks import HERE, OUTSIDE
    from ivr.settings import SettingsError, settings

    looks = HERE if chosen.local else {**HERE, **OUTSIDE}
    try:
        found = settings()
    except SettingsError as error:
        report = refused(str(error))
    else:
        with Console(stderr=True).status("Examen…") as shown:
            report = examined(found, looks, lambda about: shown.update(f"Examen : {about}…"))
    print(report.as_json() if chosen.json else report)
    return DONE if report.is_fit() else DOES_NOT_HOLD


def _explain(chosen: argparse.Namespace) -> int:
    from ivr.explain import NoSuchStepError, explain

    try:
        return explain(chosen)
    except NoSuchStepError as why:
        return _complain(str(why), WRONG_USAGE)


def _instant(wall: str) -> float:
    from ivr.desk.hours import instant_at

    try:
        return instant_at(wall)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'« {wall} » : écrivez "2026-12-24 17:00"') from error


def _hours(chosen: argparse.Namespace) -> int:
    import time

    from ivr.desk.hours import report
    from ivr.folder import read_hours
    from ivr.settings import prompts_dir

    print(report(read_hours(prompts_dir()), time.time() if chosen.at is None else chosen.at))
    return DONE


def _speak(chosen: argparse.Namespace) -> int:
    from ivr.settings import settings
    from ivr.speak import speak

    return speak(settings(), chosen)


def _operate(chosen: argparse.Namespace) -> int:
    from ivr.operators import operators

    back_office = operators()
    try:
        report = back_office.carried_out(chosen)
    finally:
        back_office.engine.dispose()
    if report.sound:
        return _heard(report.sound)
    print(report.text, file=sys.stderr if report.code else sys.stdout)
    return report.code


def _keep(chosen: argparse.Namespace) -> int:
    from ivr.keeper import keeper

    report = keeper().carried_out(chosen)
    print(report.text, file=sys.stderr if report.code else sys.stdout)
    return report.code


def _release(chosen: argparse.Namespace) -> int:
    from ivr.publishing import publisher

    report = publisher().carried_out(chosen)
    print(report.text, file=sys.stderr if report.code else sys.stdout)
    return report.code


def _replay(chosen: argparse.Namespace) -> int:
    import time

    from ivr.replaying import carried_out

    report = carried_out(chosen, time.time())
    print(report.text, file=sys.stderr if report.code else sys.stdout)
    return report.code


def _heard(sound: bytes) -> int:
    """Send a sound to whatever plays it, or is to keep it."""
    if sys.stdout.isatty():
        return _complain("Un terminal ne joue pas de son : … play ID | aplay, ou --to message.wav", WRONG_USAGE)
    sys.stdout.buffer.write(sound)
    sys.stdout.buffer.flush()
    return DONE


def _read(_chosen: argparse.Namespace) -> int:
    from ivr.settings import settings
    from ivr.speak import read

    return read(settings())


if __name__ == "__main__":
    sys.exit(main())
