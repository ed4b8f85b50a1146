"""Only read and decode every report of a folder: `python orjson_reports.py FOLDER`."""

import json
import sys
import time
from pathlib import Path

import orjson


def main() -> None:
    files = sorted(Path(sys.argv[1]).rglob("*.json"))
    started = time.perf_counter()
    for file in files:
        orjson.loads(file.read_bytes())
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
