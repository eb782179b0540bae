"""Timing that both peers share."""
import time


def timed(call, budget, least=3):
    """Seconds of each call until the budget is spent."""
    call()
    call()
    times, end = [], time.perf_counter() + budget
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times
