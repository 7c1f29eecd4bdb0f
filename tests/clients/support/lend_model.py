"""Lends a client the newest shapes: the service model in the place where botocore and the aws CLI look for it."""

import json
import os
import pathlib

from api_model import MODEL


def lend(environment=os.environ):
    """Into the directory of this test run, once; `environment` points there from now on."""
    directory = pathlib.Path(os.environ["POOLD_WORK"]) / "models"
    folder = directory / "pinpoint-sms-voice-v2" / MODEL["metadata"]["apiVersion"]
    folder.mkdir(parents=True, exist_ok=True)
    service = {key: MODEL[key] for key in ("version", "metadata", "operations", "shapes")}
    (folder / "service-2.json").write_text(json.dumps(service), encoding="utf-8")
    (folder / "paginators-1.json").write_text(json.dumps({"pagination": MODEL["pagination"]}), encoding="utf-8")
    environment["AWS_DATA_PATH"] = str(directory)


def is_older(service):
    """Whether a client's own model (a parsed service-2.json) lacks anything of ours."""
    def lacks(name, kind):
        return set(MODEL["shapes"][name].get(kind, [])) - set(service["shapes"].get(name, {}).get(kind, []))

    if MODEL["operations"].keys() - service["operations"].keys():
        return True
    return any(lacks(name, "members") or lacks(name, "enum") for name in MODEL["shapes"])
