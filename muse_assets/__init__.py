"""The asset graph. `build.py` joins everything; follow a day through sources, ingest, watch, council, publish."""
