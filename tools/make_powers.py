#!/usr/bin/env python3
"""Writes src/base/num_powers.c: the powers of ten that reading and writing numbers need.

Entry q (-342 .. 324) holds the 128 leading bits of 5**q. They are cut off, but rounded up for
-27 <= q < 0, where the reader meets exact halves (Lemire, "Number parsing at a gigabyte per
second", Software: Practice and Experience 51(8), 2021, section 6).
"""
import sys

LOW, HIGH = -342, 324


def leading(q):
    if q >= 0:
        value = 5**q
        shift = value.bit_length() - 128
        return value >> shift if shift > 0 else value << -shift
    power = 5**-q
    bits = power.bit_length() + 127  # 2**bits / power has 128 bits
    value, rest = divmod(1 << bits, power)
    assert value.bit_length() == 128 and rest
    return value + 1 if q >= -27 else value


def main():
    out = sys.stdout
    out.write("/* Owns: leading bits of powers of five. Written by tools/make_powers.py. */\n")
    out.write('#include "base/num_scan.h"\n\n')
    out.write("const uint64_t leati_powers[LEATI_POWER_MOST - LEATI_POWER_LEAST + 1][2] = {\n")
    for q in range(LOW, HIGH + 1):
        v = leading(q)
        out.write("    {0x%016x, 0x%016x},\n" % (v >> 64, v & (2**64 - 1)))
    out.write("};\n")


main()
