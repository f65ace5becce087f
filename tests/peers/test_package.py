"""The npm package: its types resolve in a strict project however TypeScript looks for them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

SDK = Path(__file__).parents[2] / "sdk"
MAIN = """
import { load, type Options, type Trackway, trackway } from "@trackway/browser";
import { Impression, useTrack } from "@trackway/browser/react";
import { Impression as VueImpression, TrackwayPlugin } from "@trackway/browser/vue";
interface Plan { "Signed Up": { plan: string }; [name: string]: Record<string, unknown> }
const options: Options = { key: "wk_x" };
const typed: Trackway<Plan> = load<Plan>(options);
typed.track("Signed Up", { plan: "pro" });
useTrack<Plan>()("Signed Up", { plan: "pro" });
// @ts-expect-error a key is needed
load({});
// @ts-expect-error there is no such call
trackway.nothing();
// @ts-expect-error it is a component
export const wrong: string = Impression;
export { TrackwayPlugin, VueImpression };
"""


@pytest.mark.parametrize(("module", "resolution"), [("nodenext",) * 2, ("node16",) * 2, ("esnext", "bundler")])
def test_the_types_of_all_entries_resolve(tmp_path: Path, module: str, resolution: str) -> None:
    package = tmp_path / "node_modules" / "@trackway" / "browser"
    shutil.copytree(SDK / "dist", package / "dist")
    shutil.copy(SDK / "package.json", package)
    for name in ("react", "vue", "@vue", "@types", "csstype"):
        (tmp_path / "node_modules" / name).symlink_to(SDK / "node_modules" / name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "main.ts").write_text(MAIN)
    options = {"strict": True, "noEmit": True, "target": "es2022", "lib": ["es2023", "dom"], "types": [],
               "module": module, "moduleResolution": resolution}  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["main.ts"]}))
    compiler = [str(SDK / "node_modules" / ".bin" / "tsc"), "-p", str(tmp_path)]
    ran = subprocess.run(compiler, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
