"""Named scenarios of a team, in one JSON file of the data directory."""

import json
import threading
from pathlib import Path

from core.errors import ConfigurationError, InputNotUsableError, StorageError
from core.phrases import Phrase
from core.scenarios import Scenario, checked, scenario_from_text, scenario_to_text

FILE_NAME = "scenarios.json"
MOST_SAVED = 200

_lock = threading.Lock()


class SavedScenarios:
    """Reads and writes the file; may be used from any thread of one process."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME

    def all(self) -> list[Scenario]:
        """Return the saved scenarios by name.

        Raises:
            ConfigurationError: If the file is not usable; it is left as it is.
        """
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._not_usable(str(error)) from error
        if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
            raise self._not_usable("[...]")
        return sorted(map(scenario_from_text, content), key=lambda scenario: scenario.name)

    def save(self, scenario: Scenario) -> None:
        """Keep a scenario under its name, in place of what had that name.

        Raises:
            ConfigurationError: Without a name, with too many saved, or with an unusable file.
            StorageError: If the file cannot be written.
        """
        named = checked(scenario)
        if not named.name:
            raise InputNotUsableError(Phrase("Give the scenario a name."))
        with _lock:
            others = [each for each in self.all() if each.name != named.name]
            if len(others) >= MOST_SAVED:
                raise InputNotUsableError(
                    Phrase("{most} scenarios are saved; delete one first.", {"most": MOST_SAVED})
                )
            self._write([*others, named])

    def remove(self, name: str) -> None:
        """Delete the scenario of that name, if it is there.

        Raises:
            ConfigurationError: If the file is not usable; it is left as it is.
            StorageError: If the file cannot be written.
        """
        with _lock:
            self._write([each for each in self.all() if each.name != name])

    def _write(self, scenarios: list[Scenario]) -> None:
        draft = self._file.with_suffix(".new")
        text = json.dumps([scenario_to_text(each) for each in scenarios], indent=1)
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            values = {"file": self._file.name, "problem": error.strerror or str(error)}
            raise StorageError(
                Phrase("The file {file} cannot be written: {problem}.", values)
            ) from error

    def _not_usable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            Phrase(
                "The file {file} in the data directory is not usable: {problem}.",
                {"file": self._file.name, "problem": problem},
            )
        )
