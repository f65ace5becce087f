"""Prints what Helm's own library makes of a chart, as JSON: `python render.py CHART VALUES` (values as JSON).

A program of its own, because the library brings Go's runtime with it. `lint` has its findings, `manifests` the rendered
files by name; or `refused` has the reason why the values are not taken.
"""

from __future__ import annotations

import json
import sys

import helm_python

chart, values = sys.argv[1], json.loads(sys.argv[2])
answer: dict[str, object] = {"lint": helm_python.lint(chart, values, strict=True)}
try:
    with helm_python.Chart.load(chart) as loaded:
        loaded.validate_schema(values)
        answer["manifests"] = loaded.render(values, name="tw", namespace="analytics")
except (helm_python.HelmValuesError, helm_python.HelmRenderError) as error:
    answer["refused"] = str(error)
print(json.dumps(answer))
