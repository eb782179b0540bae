#!/bin/sh
# The installed library serves an outside program, by CMake and by pkg-config; the .deb holds it.
. "$(dirname "$0")/lib.sh"
check install cmake --install "$here/build" --prefix "$scratch/prefix"
check configure cmake -G Ninja -S "$here/tests/install" -B outside -DCMAKE_PREFIX_PATH="$scratch/prefix"
check build cmake --build outside
check run sh -c './outside/outside >answer.txt'
has answer answer.txt "virginica" "0.98"
libdir=$(dirname "$(find prefix -name leat.pc)")
check pkg-config sh -c "cc $here/tests/install/outside.c -o second \$(PKG_CONFIG_PATH=$libdir pkg-config --define-variable=prefix=$scratch/prefix --cflags --libs leat)"
check second sh -c "LD_LIBRARY_PATH=$(dirname "$libdir") ./second >answer.txt"
has second-answer answer.txt "virginica"
if command -v c++ >/dev/null; then
    check c++ sh -c "c++ -std=c++11 -Wall -Wextra -Werror $here/tests/install/outside.cc -o third \$(PKG_CONFIG_PATH=$libdir pkg-config --define-variable=prefix=$scratch/prefix --cflags --libs leat)"
    check third sh -c "LD_LIBRARY_PATH=$(dirname "$libdir") ./third >answer.txt"
    has third-answer answer.txt "the sum is 21"
else skip "no C++ compiler here"; fi
check command prefix/bin/leat version
if command -v dpkg-deb >/dev/null && command -v cpack >/dev/null; then
    check deb sh -c "cd '$here/build' && cpack -B '$scratch/deb' >/dev/null"
    check contents sh -c "dpkg-deb -c deb/*.deb >contents.txt"
    has contents contents.txt ./usr/bin/leat libleat.so include/leat/leat.h
    # What is opened at run time is in no list of the linker's.
    check recommends sh -c "dpkg-deb -f deb/*.deb Recommends >recommends.txt"
    has recommended recommends.txt libcairo2 libcurl4 libpq5 libseccomp2
else skip "no dpkg-deb here"; fi
finish
