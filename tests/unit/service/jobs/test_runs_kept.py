"""How many runs are kept is taken from the settings each time: a change needs no new start."""

from pathlib import Path

from openclaw_desktop.service.jobs.scheduling import runs_kept


def test_a_change_counts_at_once_and_broken_settings_stop_no_job(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    assert runs_kept(file, 7) == 100, "there is none yet"
    file.write_text("[jobs]\nkeep_runs = 5\n")
    assert runs_kept(file, 7) == 5
    file.write_text("[jobs\nkeep_runs = ")
    assert runs_kept(file, 7) == 7
