#!/usr/bin/env python3
"""Reads an event file with TensorBoard itself: a line "step tag value" for every scalar.

usage: read_events.py FILE; exit code 77 where the package tensorboard is missing.
"""
import sys

try:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
except ImportError:
    sys.exit(77)
for event in EventFileLoader(sys.argv[1]).Load():
    for value in event.summary.value:
        print(event.step, value.tag, "%.6g" % value.tensor.float_val[0])
