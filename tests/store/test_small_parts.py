"""Small parts of the engine process's tables are one file each, those of a store of an earlier version too."""

from pathlib import Path

from agreement import agree
from factories import message
from stores import SERVER, Loaded
from trackway.event import new_id


def test_a_store_of_before_writes_small_parts_as_one_file_from_its_next_start(tmp_path: Path) -> None:
    loaded, project = Loaded(tmp_path), new_id()
    if not SERVER:
        loaded.store.command("ALTER TABLE events MODIFY SETTING min_bytes_for_full_part_storage = 0")
    loaded.load(project, [message("Clicked", visitor="v")])
    if not SERVER:
        loaded.store.command("ALTER TABLE events RESET SETTING min_bytes_for_full_part_storage")
    loaded.crash()
    loaded.load(project, [message("Clicked", visitor="v")])
    parts = (
        "SELECT part_storage_type AS kind FROM system.parts WHERE active AND table = 'events' ORDER BY min_block_number"
    )
    if not SERVER:
        assert loaded.store.ask(parts)["kind"].to_pylist() == ["Full", "Packed"]
        loaded.store.command("OPTIMIZE TABLE events FINAL")
        assert loaded.store.ask(parts)["kind"].to_pylist() == ["Packed"]
    agree(loaded, project, 2)
    loaded.crash()
    assert loaded.store.ask("SELECT count() AS n FROM events")["n"][0].as_py() == 2
    loaded.loader.stop()
    loaded.store.close()
    loaded.log.close()
