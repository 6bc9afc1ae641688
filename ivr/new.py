"""`ivr new`: a folder in which a new script begins, from the template that comes with the package.

The template is a small script that holds, for an appliance that does not exist; its comments teach. Beside it goes the
manual for authors. This module knows files and nothing of what is in them.
"""

from __future__ import annotations

from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"
MANUAL = "README.md"


class NewScriptError(Exception):
    """The script cannot begin there; the message says why, and the mend."""


def begin(folder: Path, manual: Path) -> list[Path]:
    """Write the template and the manual into the folder, which is made if need be; the files.

    Raises NewScriptError for a folder that holds something already, or that cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise NewScriptError(f"{folder} n'est pas vide : nommez un dossier neuf, rien n'a été écrit.")
        return [_copied(source, folder) for source in (manual, *sorted(TEMPLATE.glob("*.toml")))]
    except OSError as error:
        raise NewScriptError(
            f"{folder} ne peut pas être écrit ({error.strerror}) : nommez un autre dossier."
        ) from error


def _copied(source: Path, folder: Path) -> Path:
    target = folder / source.name
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return target


def next_steps(folder: Path, files: list[Path]) -> str:
    """What to do with the folder now."""
    return f"""\
{folder} : {len(files)} fichiers, un petit script qui tient déjà.

  lire         {folder}/{MANUAL} dit comment un script s'écrit ; panne.toml est à remplacer par votre dépannage
  prouver      ivr check {folder}
  essayer      IVR_PROMPTS_DIR={folder} IVR_VOICE=carrier ivr serve, et dans un autre terminal : ivr call
  relire       ivr check {folder} --accept, quand chaque choix mène où il faut : ce qui changera ensuite se verra
  enregistrer  IVR_PROMPTS_DIR={folder} IVR_AUDIO_DIR={folder}/clips ivr speak, une fois les phrases arrêtées"""
