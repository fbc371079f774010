"""Records, the truth that tables, figures and MLflow are made from: `harness.records.record` says what is in one."""

from harness.records.checkout import commit
from harness.records.environment import environment, machine
from harness.records.files import write_atomically
from harness.records.record import SCHEMA, below, read, seal, write

__all__ = ["SCHEMA", "below", "commit", "environment", "machine", "read", "seal", "write", "write_atomically"]
