"""Records, the truth that tables, figures and MLflow are made from: `harness.records.record` says what is in one."""

from harness.records.record import SCHEMA, Clock, commit, environment, machine, read, seal, write, write_atomically

__all__ = ["SCHEMA", "Clock", "commit", "environment", "machine", "read", "seal", "write", "write_atomically"]
