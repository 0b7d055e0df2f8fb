"""One board a module, as `BOARD`; `grafana/build.py` finds them by themselves."""
